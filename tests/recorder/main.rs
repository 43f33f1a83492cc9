// SPDX-License-Identifier: MPL-2.0
//! What `roomfilesink` promises, checked by playing back what it wrote.

mod browsers;
mod captions;
mod chapters;
mod checksum;
mod child;
mod clock;
mod codecs;
mod comings_and_goings;
mod crash;
mod disk;
mod editing;
mod entries;
mod export;
mod export_drift;
mod export_media;
mod exporting;
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
mod marks;
mod media;
mod mount;
mod mp4;
mod names;
mod playback;
mod power;
mod recordings;
mod repair;
mod room;
mod sessions;
mod silence;
mod slow_disk;
mod sources;
mod splits;
mod strace;
mod timeline;
mod web;
mod webm;

/// How long a recording is whose exports are looked at from end to end.
const EXPORT_SECONDS: u64 = 120;

/// How often recorders are killed.
const KILLS: usize = 8;
