//! Repeated keys.
