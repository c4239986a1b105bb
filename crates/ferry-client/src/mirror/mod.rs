//! Making one tree like another, between any two storages.
