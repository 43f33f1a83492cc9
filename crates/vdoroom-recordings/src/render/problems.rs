// SPDX-License-Identifier: MPL-2.0
//! What was not as it should be while a file was made, from several threads.

use std::sync::{Mutex, PoisonError};

#[derive(Default)]
pub struct Problems(Mutex<Vec<String>>);

impl Problems {
    pub fn add(&self, problem: String) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains(&problem) {
            all.push(problem);
        }
    }

    pub fn into_all(self) -> Vec<String> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
