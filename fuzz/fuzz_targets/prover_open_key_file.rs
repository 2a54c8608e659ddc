#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::prover_open_key_file(data));
