//! The verbs of the command line.

pub(crate) mod init;
pub(crate) mod params;
pub(crate) mod status;
