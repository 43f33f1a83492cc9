// SPDX-License-Identifier: MPL-2.0
//! Whether the process that a manifest names still runs. Process IDs are used again, above all in
//! containers and on Windows; when a process began tells two of them apart.

#[cfg(target_os = "linux")]
use std::path::Path;

/// A process that runs.
#[derive(Debug)]
pub struct Running {
    /// When it began, in clock ticks after the machine did. Only Linux tells.
    pub start: Option<u64>,
    /// When it began, in seconds after 1970. Linux does not tell.
    pub start_utc: Option<u64>,
}

/// The process with this ID. A zombie counts as none: its command line is empty.
#[cfg(target_os = "linux")]
pub fn find(id: u32) -> Option<Running> {
    let process = Path::new("/proc").join(id.to_string());
    let command_line = std::fs::read(process.join("cmdline")).ok()?;
    (!command_line.is_empty()).then(|| Running {
        start: started(&process),
        start_utc: None,
    })
}

/// The process with this ID. A zombie counts as none.
#[cfg(not(target_os = "linux"))]
pub fn find(id: u32) -> Option<Running> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};
    let id = Pid::from_u32(id);
    let mut system = System::new();
    let wanted = ProcessesToUpdate::Some(&[id]);
    system.refresh_processes_specifics(wanted, true, ProcessRefreshKind::nothing());
    let found = system.process(id);
    let found = found.filter(|process| process.status() != ProcessStatus::Zombie)?;
    Some(Running {
        start: None,
        start_utc: Some(found.start_time()),
    })
}

/// When this process began, in clock ticks after the machine did. Only Linux tells.
#[cfg(target_os = "linux")]
pub fn own_start() -> Option<u64> {
    started(Path::new("/proc/self"))
}

/// When this process began, in clock ticks after the machine did: not told here.
#[cfg(not(target_os = "linux"))]
pub fn own_start() -> Option<u64> {
    None
}

/// proc(5): the 22nd field.
#[cfg(target_os = "linux")]
fn started(process: &Path) -> Option<u64> {
    let stat = std::fs::read(process.join("stat")).ok()?;
    // The name in it may be cut inside a character.
    let stat = String::from_utf8_lossy(&stat);
    let (_, from_third) = stat.rsplit_once(')')?;
    from_third.split_whitespace().nth(19)?.parse().ok()
}

/// What this machine is called, as `g_get_host_name` of GLib has it.
#[cfg(unix)]
pub fn host_name() -> Option<String> {
    let machine = rustix::system::uname();
    machine.nodename().to_str().ok().map(str::to_owned)
}

/// What this machine is called, as `g_get_host_name` of GLib has it: in capitals, and cut.
#[cfg(windows)]
pub fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_it_has_begun() {
        let found = find(std::process::id()).unwrap();
        assert_eq!(found.start, own_start());
        assert!(found.start.is_some() || found.start_utc.is_some());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_has_ended_but_was_not_waited_for_is_none() {
        use std::io::Read;
        use std::process::{Command, Stdio};
        let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
        // Closed when the process ends, after it has given up its memory.
        let mut said = child.stdout.take().unwrap();
        assert_eq!(said.read(&mut [0]).unwrap(), 0);
        assert!(find(child.id()).is_none());
        child.wait().unwrap();
    }

    #[test]
    fn the_machine_has_a_name() {
        assert!(host_name().is_some_and(|name| !name.is_empty()));
    }
}
