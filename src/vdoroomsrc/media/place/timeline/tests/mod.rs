// SPDX-License-Identifier: MPL-2.0
//! Where media is placed, in virtual time.

mod lines;
mod people;
mod scenes;
mod simulation;
