//! The results zip: named members written side by side, in a bounded amount of memory, to the same bytes every time.
//!
//! Flow: workers turn rows into bytes ([`csv::CsvRows`]) and bytes into a [`Part`], each on its own thread; one thread
//! appends the parts of a [`Member`] in their order, which spools them in an unnamed scratch file and keeps the
//! member's digest; [`write_zip`] joins finished members to one zip. [`parquet::ParquetRows`] makes a member of record
//! batches instead. Members can be saved in the making and restored by another process
//! ([`Member::save`], [`parquet::ParquetRows::restore`]).
//!
//! # What the bytes depend on
//! On names, contents, the order of members and, for deflated members, on where the content was cut into parts;
//! never on threads, the clock, the machine or the scratch folder. So cut parts by rows of the input, not by what
//! a thread happened to have at hand. [`MemberDigest`] depends on the content alone. For Parquet not even the cut of
//! the batches counts.
//!
//! # What this module does not know
//! What the rows mean, which members a results zip has, and how a summary is built from the digests.
//!
//! # Cost
//! Memory: the parts in flight, each its bytes twice (plain and packed), and 1 MiB while the zip is written; for
//! Parquet one row group. Disk: each member once in scratch and once in the zip. The appending thread hashes (SHA-256,
//! some 1.5 GB/s with hardware support) and writes; deflating, by far the most work, is the workers'.

pub mod csv;
mod headers;
mod member;
pub mod parquet;
mod part;
pub mod read;
mod zip;

pub use member::{Member, MemberDigest, MemberLengths, Packing};
pub use part::Part;
pub use zip::{Packed, write_zip};
