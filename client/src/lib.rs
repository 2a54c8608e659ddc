//! Put a file, get it back verified; library and the cairn command.
