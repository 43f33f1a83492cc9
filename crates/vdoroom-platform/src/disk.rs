// SPDX-License-Identifier: MPL-2.0
//! Free space, in bytes: what a user without privileges can still write.

use std::fs::File;
use std::io;
use std::path::Path;

/// Free space on the disk that holds this folder.
#[cfg(unix)]
pub fn free(folder: &Path) -> io::Result<u64> {
    Ok(available(&rustix::fs::statvfs(folder)?))
}

/// Free space on the disk that holds this folder.
#[cfg(windows)]
pub fn free(folder: &Path) -> io::Result<u64> {
    fs4::available_space(folder)
}

/// Free space on the disk that holds an open file, also if its name now leads to another disk. Windows
/// goes by the name, which cannot change there: see [`create_new`](crate::file::create_new).
#[cfg(unix)]
pub fn free_for(file: &File, _path: &Path) -> io::Result<u64> {
    Ok(available(&rustix::fs::fstatvfs(file)?))
}

/// Free space on the disk that holds an open file, by its name: see [`create_new`](crate::file::create_new).
#[cfg(windows)]
pub fn free_for(_file: &File, path: &Path) -> io::Result<u64> {
    fs4::available_space(path)
}

#[cfg(unix)]
fn available(stat: &rustix::fs::StatVfs) -> u64 {
    stat.f_bavail.saturating_mul(stat.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_on_the_disk_of_its_folder() {
        let folder = std::env::temp_dir();
        let path = folder.join(format!("platform-{}-disk", std::process::id()));
        let file = File::create(&path).unwrap();
        let free = [free(&folder).unwrap(), free_for(&file, &path).unwrap()];
        std::fs::remove_file(path).unwrap();
        assert!(free.iter().all(|bytes| *bytes > 0), "{free:?}");
    }

    #[test]
    fn of_a_folder_that_is_not_there_nothing_is_known() {
        let missing = std::env::temp_dir().join(format!("platform-{}-no", std::process::id()));
        assert!(free(&missing.join("folder")).is_err());
    }
}
