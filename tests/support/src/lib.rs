//! Room server, publishers and media checks for the tests and examples.
