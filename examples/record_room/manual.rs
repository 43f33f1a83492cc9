// SPDX-License-Identifier: MPL-2.0
//! What packages install beside the program: its man page, and what completes its options.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::options::Options;

const ENDING: &str = "q, Ctrl+C, SIGINT, SIGTERM and SIGHUP end a recording: all files are closed, \
    which takes 5 seconds at most, and a table of them is printed. Asked a second time it does not \
    wait for the files.";
const OUTPUT: &str = "On a terminal, a table that is refreshed each second. Where standard output is \
    no terminal, or TERM is dumb, a line for each thing that changes. With --json, one JSON object \
    per line.";
const STATUS: [(&str, &str); 4] = [
    ("0", "All files are whole; also if nobody came."),
    (
        "1",
        "The room could not be joined, an error ended the recording, or a value was refused.",
    ),
    ("2", "The options are wrong."),
    ("3", "A file failed, or was not closed in time."),
];
const EXAMPLES: [&str; 3] = [
    "vdoroom-record --room studio --location rec/",
    "vdoroom-record --room studio --password-env ROOM_PASSWORD --max-file-time 1h",
    "vdoroom-record --room studio --json | jq -r 'select(.event == \"part-closed\").file'",
];

pub fn man_page() -> io::Result<()> {
    let mut output = io::stdout().lock();
    let man = Man::new(Options::command().after_long_help(None));
    man.render_title(&mut output)?;
    man.render_name_section(&mut output)?;
    man.render_synopsis_section(&mut output)?;
    man.render_description_section(&mut output)?;
    man.render_options_section(&mut output)?;
    let mut page = Roff::new();
    page.control("SH", ["OUTPUT"]).text([roman(OUTPUT)]);
    page.control("SH", ["ENDING"]).text([roman(ENDING)]);
    page.control("SH", ["EXIT STATUS"]);
    for (status, meaning) in STATUS {
        page.control("TP", []).text([bold(status)]);
        page.text([roman(meaning)]);
    }
    page.control("SH", ["EXAMPLES"]);
    for example in EXAMPLES {
        page.control("PP", []).text([roman(example)]);
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([roman(
        "gst-inspect-1.0(1) for the elements vdoroomsrc and roomfilesink",
    )]);
    output.write_all(page.to_roff().as_bytes())?;
    man.render_version_section(&mut output)
}

pub fn completion(shell: Shell) {
    let mut command = Options::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut io::stdout());
}
