// SPDX-License-Identifier: MPL-2.0
//! Packets that wait at a pad of a connection.

/// Keeps what comes to a pad until it is said what becomes of it.
pub(crate) trait Hold: std::fmt::Debug + Send {
    /// What waits goes on, and all that follows.
    fn release(self: Box<Self>);

    /// What waits runs into nothing, and all that follows: a pad that is not linked would end the
    /// connection.
    fn refuse(self: Box<Self>);
}
