// SPDX-License-Identifier: MPL-2.0
//! The program `vdoroom`: records rooms, and looks after what was recorded. Each subcommand is a
//! module, which takes its options and gives the exit status.

// From bottom to top: imports run downwards only.
mod manifests;
mod page;
mod size;
mod table;

mod check;
mod export;
mod list;
mod record;
mod repair;
mod timeline;

mod options;

mod manual;

use std::process::ExitCode;

use clap::Parser;

use options::{Program, Subcommand};

fn main() -> ExitCode {
    match Program::parse().subcommand {
        Subcommand::Record(options) => record::run(&options),
        Subcommand::List(options) => list::run(&options),
        Subcommand::Check(options) => check::run(&options),
        Subcommand::Repair(options) => repair::run(&options),
        Subcommand::Timeline(options) => timeline::run(&options),
        Subcommand::Export(options) => export::run(&options),
        Subcommand::Man(options) => manual::page(&options),
        Subcommand::Completion(options) => manual::completion(&options),
    }
}
