// SPDX-License-Identifier: MPL-2.0
//! What can be asked for on the command line. Each subcommand has its options beside its code.

use clap::Parser;
use clap_complete::Shell;

use crate::{check, export, list, record, repair, timeline};

/// Records VDO.Ninja rooms, and looks after what was recorded
#[derive(Parser)]
#[command(
    name = "vdoroom",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Program {
    #[command(subcommand)]
    pub subcommand: Subcommand,
}

// One for each run: no need to have them on the heap.
#[allow(clippy::large_enum_variant)]
#[derive(clap::Subcommand)]
pub enum Subcommand {
    Record(record::Options),
    List(list::Options),
    Check(check::Options),
    Repair(repair::Options),
    Timeline(timeline::Options),
    Export(export::Options),
    #[command(hide = true)]
    Man(ManOptions),
    #[command(hide = true)]
    Completion(CompletionOptions),
}

/// Prints a man page
#[derive(clap::Args)]
pub struct ManOptions {
    /// Its name, such as vdoroom or vdoroom-record
    pub page: String,
}

/// Prints what completes the options in a shell
#[derive(clap::Args)]
pub struct CompletionOptions {
    pub shell: Shell,
}
