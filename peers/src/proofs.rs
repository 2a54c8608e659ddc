//! Groth16 on BLS12-381 at equal size: ours, ark-groth16's own prover, bellperson.

use std::error::Error;
use std::io::{Write as _, stdout};

use ark_bls12_381::{Bls12_381, Fr};
use ark_ff::{BigInteger as _, PrimeField as _};
use ark_groth16::Groth16;
use ark_snark::SNARK as _;
use bellperson::groth16 as bell;
use blstrs::{Bls12, Scalar};
use cairn_prover::groth16::{blinding_rng, prove, setup_insecure, verify};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::chain::{Chain, output};
use crate::turns::{Spent, medians};

/// Constraints of `large`: just below what a million constraints of a production circuit come to.
const LARGE: usize = 990_001;
/// A domain of 2^k has room for so many constraints, one public input and the constant one; all three agree in that.
const ROWS_OF_INPUTS: usize = 2;
/// Full-size values to begin with, the same for all.
const START: [[u64; 4]; 2] = [
    [
        0x9e37_79b9_7f4a_7c15,
        0xbf58_476d_1ce4_e5b9,
        0x94d0_49bb_1331_11eb,
        0x2545_f491_4f6c_dd1d,
    ],
    [
        0xd6e8_feb8_6659_fd93,
        0xa076_1d64_78bd_642f,
        0xe703_7ed1_a0b4_28db,
        0x1d8e_4e27_c47d_124f,
    ],
];

/// Prints, as CSV, a row for each size and prover.
pub fn table(sizes: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut out = stdout().lock();
    writeln!(out, "prover,constraints,seconds,cpu_seconds")?;
    for size in sizes {
        let most = match *size {
            "large" => LARGE,
            log2 => (1usize << log2.parse::<u32>()?) - ROWS_OF_INPUTS,
        };
        let (constraints, rows) = measure(most)?;
        for (prover, Spent { clock, processor }) in rows {
            writeln!(out, "{prover},{constraints},{clock:.4},{processor:.2}")?;
        }
        out.flush()?;
    }
    Ok(())
}

type Row = (&'static str, Spent);

/// Time from a circuit with its two secret values to a proof; every proof is verified, outside the time.
fn measure(most: usize) -> Result<(usize, [Row; 3]), Box<dyn Error>> {
    let blank = Chain::<Fr>::within(most);
    let circuit = blank.from(START.map(|limbs| Fr::from(ark_ff::BigInt::new(limbs))));
    let constraints = blank.constraints();
    let out = output(&circuit).ok_or("no output")?;
    let mut rng = ChaCha20Rng::from_seed([7; 32]);

    eprintln!("peers: {constraints} constraints: making three keys");
    let ours = setup_insecure("peers", "chain", blank)?;
    if (ours.matrices().constraints(), ours.matrices().entries()) != (constraints, blank.entries())
    {
        return Err("the circuit has not the size it should have".into());
    }
    let (ark_key, ark_verifying) = Groth16::<Bls12_381>::circuit_specific_setup(blank, &mut rng)?;
    let theirs = Chain::<Scalar>::within(most);
    let bell_key = bell::generate_random_parameters::<Bls12, _, _>(theirs, &mut rng)?;
    if (bell_key.l.len(), bell_key.h.len() + 1)
        != (blank.witness(), constraints.next_power_of_two())
    {
        return Err("bellperson's circuit has not the size it should have".into());
    }
    let theirs = theirs.from(START.map(scalar));
    let bell_out = scalar(out.into_bigint().0);
    let bell_prepared = bell::prepare_verifying_key(&bell_key.vk);

    let (mut our_proof, mut ark_proof, mut bell_proof) = (None, None, None);
    let (mut ark_rng, mut bell_rng) = (rng.clone(), rng);
    let (warm_up, rounds) = if constraints > 100_000 {
        (0, 3)
    } else {
        (1, 5)
    };
    eprintln!(
        "peers: {constraints} constraints: {} proofs each",
        warm_up + rounds
    );
    let [ours_took, ark_took, bell_took] = medians(
        warm_up,
        rounds,
        [
            &mut || {
                our_proof = Some(prove(&ours, circuit, &mut blinding_rng([1; 32]))?);
                Ok(())
            },
            &mut || {
                ark_proof = Some(Groth16::<Bls12_381>::prove(
                    &ark_key,
                    circuit,
                    &mut ark_rng,
                )?);
                Ok(())
            },
            &mut || {
                let proof = bell::create_random_proof(theirs, &bell_key, &mut bell_rng)?;
                bell_proof = Some(proof);
                Ok(())
            },
        ],
    )?;
    verify(ours.verifying_key(), &our_proof.ok_or("no proof")?, &[out])?;
    let ark_holds =
        Groth16::<Bls12_381>::verify(&ark_verifying, &[out], &ark_proof.ok_or("no proof")?)?;
    let bell_holds =
        bell::verify_proof(&bell_prepared, &bell_proof.ok_or("no proof")?, &[bell_out])?;
    if !(ark_holds && bell_holds) {
        return Err("a proof does not verify".into());
    }
    let rows = [
        ("Cairn", ours_took),
        ("ark-groth16 0.6", ark_took),
        ("bellperson 0.27", bell_took),
    ];
    Ok((constraints, rows))
}

fn scalar(limbs: [u64; 4]) -> Scalar {
    let bytes = ark_ff::BigInt::new(limbs).to_bytes_le();
    let bytes: [u8; 32] = std::array::from_fn(|i| bytes[i]);
    Option::from(Scalar::from_bytes_le(&bytes)).unwrap_or_default()
}
