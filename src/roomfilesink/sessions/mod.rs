// SPDX-License-Identifier: MPL-2.0
//! Who belongs together, in which order their frames go, and where parts begin and end.
//!
//! `all` finds the session of a track. A `session` has the tracks of one person and the frames that
//! wait there (`waiting`); `pump` takes them in the order of their times, `cut` decides which part
//! each goes to, up to which length and size (`bounds`), `closing` ends parts, regularly or when they
//! fail, and `retry` says when the next may begin. `crowd` is for benchmarks.
//!
//! Only `control` calls it, on its thread. What is to be done outside is returned as `effects`; time
//! comes from the caller.

mod all;
mod bounds;
mod closing;
#[cfg(any(test, feature = "fuzzing"))]
pub mod crowd;
mod cut;
mod effects;
mod pump;
mod retry;
mod session;
mod waiting;

pub(crate) use all::Sessions;
pub(crate) use effects::{Context, Effect};
pub(crate) use retry::{FIRST_RETRY, LAST_RETRY};
