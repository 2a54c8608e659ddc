//! The verbs of the command line.

pub(crate) mod dispute;
pub(crate) mod init;
pub(crate) mod market;
pub(crate) mod params;
pub(crate) mod status;
