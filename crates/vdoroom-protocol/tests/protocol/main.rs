// SPDX-License-Identifier: MPL-2.0
//! The room as a value: what is said to it, and what it does, in virtual time.

mod conversation;

mod bitrates;
mod candidates;
mod chaos;
mod crowds;
mod dialects;
mod directions;
mod elsewhere;
mod flood;
mod join;
mod limits;
mod names;
mod outages;
mod places;
mod plays;
mod rejoin;
mod relay;
mod returns;
mod secrets;
mod sessions;
mod shards;
mod silence;
mod traces;
mod turns;
