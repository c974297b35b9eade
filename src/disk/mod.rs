//! The disk: helpers over the file system that know nothing of Satchel's records.
//!
//! - [`TemporaryFile`] gets its name only when it is complete and durable.
//! - [`write_private_file`] writes a small file under a fixed temporary name.
//! - [`sync_directory`] makes created, renamed and removed entries durable.
//! - [`make_new_files_private`] and [`make_entries_private`] keep other users out.
//! - [`Sorter`] sorts more pairs of bytes than fit into memory.
//! - [`DiskSpace`] returns the free space of a file system, [`file_validator`] the ETag of a file,
//!   and [`fill_random`] random bytes from the kernel.

mod copy;
mod private;
mod random;
mod sort;
mod space;
mod sync;
mod temporary;
mod validator;

pub use copy::copy_folder;
pub use private::{
    is_open_to_others, make_entries_private, make_new_files_private, open_without_following,
};
pub use random::fill_random;
pub use sort::{Sorted, SortedReader, Sorter};
pub use space::DiskSpace;
pub use sync::{create_directory_durably, sync_directory, sync_folder};
pub use temporary::{TemporaryFile, remove_folder, remove_temporary_entries, write_private_file};
pub use validator::file_validator;
