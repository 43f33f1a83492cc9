// SPDX-License-Identifier: MPL-2.0
//! What `roomfilesink` promises, checked by playing back what it wrote.

mod codecs;
mod comings_and_goings;
mod fake_source;
mod faults;
mod launch;
mod leaks;
mod length;
mod limits;
mod long_run;
mod manifest;
mod media;
mod names;
mod playback;
mod recordings;
mod room;
mod sessions;
mod silence;
mod sources;
mod splits;
mod timeline;
mod usage;
