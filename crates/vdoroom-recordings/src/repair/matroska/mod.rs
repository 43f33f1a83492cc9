// SPDX-License-Identifier: MPL-2.0
//! Matroska (RFC 9559): what a recorder writes when it closes a file is missing in one that was killed.
//! `scan` goes through the elements and makes a `layout` of them; `plan` says what is missing and how
//! it is written, by the code with which the recorder does.

mod block;
mod cluster;
mod header;
mod layout;
mod plan;
mod scan;
mod tracks;

use std::io::{Read, Seek};

use super::report::{Error, Report};
use super::steps::Step;

pub(crate) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&vdoroom_matroska::ids::EBML.to_be_bytes())
}

pub(crate) fn look<R: Read + Seek>(source: R) -> Result<(Report, Vec<Step>), Error> {
    plan::plan(scan::scan(source)?)
}

#[cfg(test)]
mod tests;
