// SPDX-License-Identifier: MPL-2.0
//! Whether imports run downwards only: each folder has an order, and a file names its own folder's
//! items and what is earlier in the order of a folder that it is in.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::Path;
use crate::package::{Package, Reference};

/// The children of folders from bottom to top, by the folder's path (`room/link`; `` is `src`).
pub type Orders = [(&'static str, &'static [&'static str])];

pub struct Order<'a> {
    pub orders: &'a Orders,
}

impl Order<'_> {
    fn of(&self, folder: &[String]) -> Option<&[&str]> {
        let name = folder.join("/");
        let order = self.orders.iter().find(|(of, _)| *of == name);
        order.map(|(_, children)| *children)
    }

    /// `None` if what `from` is in may know what `to` is in; otherwise why not.
    fn forbids(&self, from: &Path, to: &Path) -> Option<String> {
        let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        let (user, used) = (from.get(common)?, to.get(common)?);
        let folder = &from[..common];
        let order = self.of(folder)?;
        let place = |name: &str| order.iter().position(|child| *child == name);
        (place(used)? > place(user)?).then(|| format!("{used} is above {user}"))
    }
}

/// What names something above itself.
pub fn upward(package: &Package, order: &Order) -> Vec<String> {
    let mut found = Vec::new();
    for reference in &package.references {
        let from = &package.files[reference.from];
        let defined = reference.defined.map(|file| &package.files[file].module);
        let why = order.forbids(&from.module, &reference.named);
        let why = why.or_else(|| order.forbids(&from.module, defined?));
        if let Some(why) = why {
            let Reference { line, path, .. } = reference;
            found.push(format!("{}:{line}: {path} ({why})", from.name));
        }
    }
    found
}

/// Folders whose order does not name just what is in them, each with a line for the table.
pub fn unplaced(package: &Package, order: &Order) -> Vec<String> {
    let mut found = Vec::new();
    let folders = package.folders();
    for (folder, children) in &folders {
        let placed: BTreeSet<&str> = order
            .of(folder)
            .unwrap_or_default()
            .iter()
            .copied()
            .collect();
        let there: BTreeSet<&str> = children.iter().map(String::as_str).collect();
        if placed != there {
            let line = suggestion(package, folder, children);
            found.push(format!("{}: is this the order? {line}", package.name));
        }
    }
    for (folder, _) in order.orders {
        let path: Path = folder
            .split('/')
            .filter(|name| !name.is_empty())
            .map(Into::into)
            .collect();
        if !folders.contains_key(&path) {
            found.push(format!("{}: there is no folder {folder:?}", package.name));
        }
    }
    found
}

/// The children of a folder such that each one needs only earlier ones, as far as that can be.
fn suggestion(package: &Package, folder: &Path, children: &[String]) -> String {
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for child in children {
        needs.insert(child, BTreeSet::new());
    }
    for reference in &package.references {
        let from = &package.files[reference.from].module;
        let Some(to) = reference.defined.map(|file| &package.files[file].module) else {
            continue;
        };
        if !from.starts_with(folder) || !to.starts_with(folder) {
            continue;
        }
        if let (Some(from), Some(to)) = (from.get(folder.len()), to.get(folder.len()))
            && from != to
            && let Some(needed) = needs.get_mut(from.as_str())
        {
            needed.insert(to);
        }
    }
    let mut order: Vec<&str> = Vec::new();
    while !needs.is_empty() {
        let free = needs
            .iter()
            .find(|(_, needed)| needed.iter().all(|n| order.contains(n)));
        // In a circle one of them has to be first.
        let next = free.or_else(|| needs.iter().min_by_key(|(_, needed)| needed.len()));
        let Some(next) = next.map(|(name, _)| *name) else {
            break;
        };
        needs.remove(next);
        order.push(next);
    }
    format!("({:?}, &{order:?}),", folder.join("/"))
}
