// SPDX-License-Identifier: MPL-2.0
//! How a recording ended.

pub enum End {
    Whole,
    /// A file failed or was not closed in time.
    Incomplete,
    Error(String),
    /// An element does not take a value of its properties: it never will.
    Refused(String),
}
