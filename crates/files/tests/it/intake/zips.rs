//! Zips as tools write them, and as nobody should.
