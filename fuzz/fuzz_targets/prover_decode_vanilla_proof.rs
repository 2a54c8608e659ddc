#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::prover_decode_vanilla_proof(data));
