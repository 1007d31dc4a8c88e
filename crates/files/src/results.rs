//! The results zip; in the making.
