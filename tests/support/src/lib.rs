// SPDX-License-Identifier: MPL-2.0
//! Room server, publishers and media checks for the tests and examples.
