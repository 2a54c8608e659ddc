//! Runs one hot kernel by name, so often, on one thread: what `tools/instructions` counts the instructions of.
//!
//! ```text
//! kernels list                          name and repetitions of each
//! kernels prepare FOLDER                makes what is slow to make and not counted: two proving keys
//! kernels machine                       refuses a processor on which the counts would be others
//! kernels run NAME REPETITIONS FOLDER   the kernel, once its inputs are made
//! ```
//!
//! Inputs are made before the first repetition and are the same in every run, so that the instructions of one repetition
//! are the difference of two runs over the difference of their repetitions.

mod hashing;
mod proving;

use std::io::{Write as _, stdout};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

/// One repetition of a kernel.
type Work = Box<dyn FnMut() -> Result<()>>;

/// What is counted under one name.
struct Kernel {
    name: &'static str,
    /// Repetitions that drown what a process does besides.
    repetitions: u32,
    make: fn(&Path) -> Result<Work>,
}

const KERNELS: [Kernel; 11] = [
    kernel("poseidon2_permute", 200, hashing::poseidon2_permute),
    kernel("tree_chunk", 1, hashing::tree_chunk),
    kernel("label_layer_2^13", 1, hashing::label_layer),
    kernel("fr32_encode_1_MiB", 4, hashing::fr32_encode),
    kernel("rs_encode_row_10_of_30", 4, hashing::rs_encode_row),
    kernel("range_verify_1_MiB", 4, hashing::range_verify),
    kernel("msm_g1_2^10", 1, proving::msm_g1),
    kernel("msm_g2_2^10", 1, proving::msm_g2),
    kernel("witness_map_2^12", 2, proving::witness_map),
    kernel("synthesis_spacetime_test", 8, proving::synthesis),
    kernel("prove_spacetime_test", 1, proving::prove_spacetime),
];

const fn kernel(name: &'static str, repetitions: u32, make: fn(&Path) -> Result<Work>) -> Kernel {
    Kernel {
        name,
        repetitions,
        make,
    }
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => {
            let mut out = stdout().lock();
            for kernel in &KERNELS {
                writeln!(out, "{} {}", kernel.name, kernel.repetitions)?;
            }
            Ok(())
        }
        ["prepare", folder] => proving::prepare(Path::new(folder)),
        ["machine"] => machine(),
        ["run", name, repetitions, folder] => {
            let kernel = KERNELS.iter().find(|kernel| kernel.name == name);
            let kernel = kernel.with_context(|| format!("no kernel is named {name:?}"))?;
            let repetitions: u32 = repetitions.parse().context("the repetitions")?;
            let mut work = (kernel.make)(Path::new(folder))?;
            for _ in 0..repetitions {
                work()?;
            }
            Ok(())
        }
        _ => bail!("usage: kernels list | prepare FOLDER | machine | run NAME REPETITIONS FOLDER"),
    }
}

/// Code that is chosen at run time must be chosen alike on every machine: AVX2 and no more, which is what valgrind shows a
/// program on any processor that has AVX2. (It hides ADX too, but runs it: that one the build takes for granted.)
#[cfg(target_arch = "x86_64")]
fn machine() -> Result<()> {
    let has = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("bmi2", is_x86_feature_detected!("bmi2")),
    ];
    for (name, there) in has {
        ensure!(there, "this processor shows no {name}");
    }
    let more = [
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512ifma", is_x86_feature_detected!("avx512ifma")),
        ("sha", is_x86_feature_detected!("sha")),
        ("vaes", is_x86_feature_detected!("vaes")),
        ("gfni", is_x86_feature_detected!("gfni")),
    ];
    for (name, there) in more {
        ensure!(
            !there,
            "{name} is shown: counts with it compare with no others"
        );
    }
    Ok(())
}

#[cfg(not(target_arch = "x86_64"))]
fn machine() -> Result<()> {
    bail!("counts are recorded for x86-64")
}
