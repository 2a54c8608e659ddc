//! What each fuzz target asserts. A target's body is one call into this file; every function takes a stranger's bytes,
//! and panics only if the door it drives panicked or let something false through.
//!
//! | function | the claim |
//! |---|---|
//! | [`merkle_verify_opening`] | what opens under an honest root is the honest leaf |
//! | [`merkle_decode_fr32`] | what decodes is what encoding makes: one form |
//! | [`merkle_verify_range`] | every byte that comes out is the content's byte at that place |
//! | [`wire_decode_message`] | a frame that decodes encodes to itself: one form |
//! | [`erasure_rebuild`] | any k pieces give back every piece and the segment; odd pieces are refused |
//! | [`prover_open_key_file`] | a key file that opens is written back byte for byte |
//! | [`prover_decode_proof`] | a proof that decodes is written back byte for byte |
//! | [`prover_decode_seal_state`] | what a half-sealed sector has finished is read only as it was written |
//! | [`prover_decode_vanilla_proof`] | the same of a vanilla proof, and only the honest one is accepted |

mod erasure;
mod merkle;
mod prover;
mod wire;

pub use erasure::erasure_rebuild;
pub use merkle::{merkle_decode_fr32, merkle_verify_opening, merkle_verify_range};
pub use prover::{
    prover_decode_proof, prover_decode_seal_state, prover_decode_vanilla_proof,
    prover_open_key_file,
};
pub use wire::wire_decode_message;
