// SPDX-License-Identifier: MPL-2.0
//! Files that need each other. Doors are followed: a file that names what a `mod.rs` passes on needs
//! the file that defines it, not the `mod.rs`.

use std::collections::{BTreeMap, VecDeque};

use crate::package::{Package, Reference};

/// What each file needs, and where it says so.
type Needs<'a> = BTreeMap<usize, BTreeMap<usize, &'a Reference>>;

/// A shortest circle through each file that is in one, each circle once.
pub fn circles(package: &Package) -> Vec<String> {
    let folders = package.folders();
    let mut needs: Needs = BTreeMap::new();
    for reference in &package.references {
        let Some(to) = reference.defined else {
            continue;
        };
        // Who names a folder itself says with further paths what of it is needed.
        let is_folder = folders.contains_key(&package.files[to].module);
        if !(reference.is_module && is_folder) {
            let of_file = needs.entry(reference.from).or_default();
            of_file.entry(to).or_insert(reference);
        }
    }
    let mut found = Vec::new();
    let mut shown: Vec<usize> = Vec::new();
    for file in needs.keys() {
        if shown.contains(file) {
            continue;
        }
        if let Some(circle) = circle(&needs, *file) {
            shown.extend(circle.iter().map(|reference| reference.from));
            found.push(show(package, &circle));
        }
    }
    found
}

/// The shortest way from a file back to itself.
fn circle<'a>(needs: &Needs<'a>, start: usize) -> Option<Vec<&'a Reference>> {
    let mut reached: BTreeMap<usize, &Reference> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(file) = next.pop_front() {
        for (to, reference) in needs.get(&file).into_iter().flatten() {
            if reached.contains_key(to) {
                continue;
            }
            reached.insert(*to, reference);
            next.push_back(*to);
        }
    }
    let mut way = vec![*reached.get(&start)?];
    while way[way.len() - 1].from != start {
        way.push(*reached.get(&way[way.len() - 1].from)?);
    }
    way.reverse();
    Some(way)
}

fn show(package: &Package, circle: &[&Reference]) -> String {
    let name = |file: usize| package.files[file].name.as_str();
    let steps = circle.iter().map(|reference| {
        let Reference {
            from, line, path, ..
        } = reference;
        format!("{}:{line} ({path}) -> ", name(*from))
    });
    steps.collect::<String>() + name(circle[0].from)
}
