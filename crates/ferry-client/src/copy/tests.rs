//! Copies between storages that work, fail, lie and break off.
