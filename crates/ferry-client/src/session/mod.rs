//! One control connection and what is done over it.
