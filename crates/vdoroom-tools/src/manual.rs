// SPDX-License-Identifier: MPL-2.0
//! What packages install beside the program: its man pages, and what completes its options.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::options::{CompletionOptions, ManOptions, Program};
use crate::page::Page;
use crate::{check, export, list, record, repair, timeline};

/// As clap has it for wrong options.
const USAGE: u8 = 2;
/// What stands at the foot of each page.
const VERSION: &str = concat!("vdoroom ", env!("CARGO_PKG_VERSION"));
const ELEMENTS: &str = "gst-inspect-1.0(1) for the elements vdoroomsrc and roomfilesink";

/// Prints the man page that is asked for, such as `vdoroom-record`.
pub fn page(options: &ManOptions) -> ExitCode {
    let Some(command) = command(&options.page) else {
        eprintln!("vdoroom man: there is no page {}", options.page);
        return ExitCode::from(USAGE);
    };
    match write(command, of(&options.page)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vdoroom man: {error}");
            ExitCode::FAILURE
        }
    }
}

pub fn completion(options: &CompletionOptions) -> ExitCode {
    let mut command = Program::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(options.shell, &mut command, name, &mut io::stdout());
    ExitCode::SUCCESS
}

/// The program or the subcommand that has this page.
fn command(page: &str) -> Option<Command> {
    let mut program = Program::command().disable_help_subcommand(true);
    program.build();
    if page == program.get_name() {
        return Some(program);
    }
    let mut shown = program.get_subcommands().filter(|sub| !sub.is_hide_set());
    let found = shown.find(|sub| sub.get_display_name() == Some(page));
    found.cloned()
}

fn of(page: &str) -> Option<&'static Page> {
    Some(match page {
        "vdoroom-record" => &record::PAGE,
        "vdoroom-list" => &list::PAGE,
        "vdoroom-check" => &check::PAGE,
        "vdoroom-repair" => &repair::PAGE,
        "vdoroom-timeline" => &timeline::PAGE,
        "vdoroom-export" => &export::PAGE,
        _ => return None,
    })
}

fn write(command: Command, page: Option<&Page>) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let has_subcommands = command.has_subcommands();
    let man = Man::new(command.after_long_help(None)).source(VERSION);
    man.render_title(&mut output)?;
    man.render_name_section(&mut output)?;
    man.render_synopsis_section(&mut output)?;
    man.render_description_section(&mut output)?;
    man.render_options_section(&mut output)?;
    if has_subcommands {
        man.render_subcommands_section(&mut output)?;
    }
    let mut further = Roff::new();
    if let Some(page) = page {
        add(&mut further, page);
    }
    further.control("SH", ["SEE ALSO"]);
    further.text([roman(match has_subcommands {
        true => ELEMENTS.to_owned(),
        false => format!("vdoroom(1), {ELEMENTS}"),
    })]);
    output.write_all(further.to_roff().as_bytes())?;
    man.render_version_section(&mut output)
}

fn add(roff: &mut Roff, page: &Page) {
    for (title, text) in page.sections {
        roff.control("SH", [*title]).text([roman(*text)]);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (status, meaning) in page.status {
        roff.control("TP", []).text([bold(*status)]);
        roff.text([roman(*meaning)]);
    }
    roff.control("SH", ["EXAMPLES"]);
    for example in page.examples {
        roff.control("PP", []).text([roman(*example)]);
    }
}
