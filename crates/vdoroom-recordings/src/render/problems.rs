// SPDX-License-Identifier: MPL-2.0
//! What was not as it should be while a file was made, from several threads.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why a file was not made.
#[derive(Debug, PartialEq, Eq)]
pub struct Failed {
    pub text: String,
    /// An element does not take what it is given: encoded, it might.
    pub is_refused: bool,
}

impl From<String> for Failed {
    fn from(text: String) -> Self {
        Self {
            text,
            is_refused: false,
        }
    }
}

impl From<&str> for Failed {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

#[derive(Default)]
pub struct Problems(Mutex<Found>);

#[derive(Default)]
struct Found {
    problems: Vec<String>,
    failure: Option<Failed>,
}

impl Problems {
    fn lock(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something of the recording is missing in the file.
    pub fn add(&self, problem: String) {
        let mut found = self.lock();
        if !found.problems.contains(&problem) {
            found.problems.push(problem);
        }
    }

    /// The file cannot be made.
    pub fn fail(&self, error: Failed) {
        self.lock().failure.get_or_insert(error);
    }

    /// All problems, or why there is no file.
    pub fn conclude(self) -> Result<Vec<String>, Failed> {
        let found = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        match found.failure {
            Some(failure) => Err(failure),
            None => Ok(found.problems),
        }
    }
}
