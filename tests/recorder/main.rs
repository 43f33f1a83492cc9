// SPDX-License-Identifier: MPL-2.0
//! What `roomfilesink` promises, checked by playing back what it wrote.

mod child;
mod clock;
mod codecs;
mod comings_and_goings;
mod crash;
mod disk;
mod editing;
mod entries;
mod export;
mod fake_source;
mod faults;
mod launch;
mod leaks;
mod length;
mod limits;
mod long_run;
mod long_silence;
mod manifest;
mod manifest_failure;
mod media;
mod mount;
mod names;
mod playback;
mod power;
mod recordings;
mod room;
mod sessions;
mod silence;
mod slow_disk;
mod sources;
mod splits;
mod strace;
mod timeline;
