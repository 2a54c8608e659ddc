//! Prints the size of every circuit of the parameter sets named as arguments, or of all; with `--ids` also their ids,
//! which takes the time and memory to lay the circuits out.
//!
//! ```text
//! cargo run -p cairn-prover --example constraints -- [--ids] [set]...
//! ```

use cairn_prover::circuits::{CircuitName, Circuits};
use cairn_prover::params::{self, ParamSet};
use std::error::Error;
use std::io::{self, Write};

fn main() -> Result<(), Box<dyn Error>> {
    let (options, names): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|word| word.starts_with('-'));
    let ids = match options.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--ids"] => true,
        _ => return Err(format!("unknown options {options:?}; the only one is --ids").into()),
    };
    let sets = if names.is_empty() {
        params::ALL.to_vec()
    } else {
        let find = |name: &String| {
            ParamSet::by_name(name).ok_or_else(|| format!("no parameter set is named {name:?}"))
        };
        names.iter().map(find).collect::<Result<_, _>>()?
    };
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| set | circuit | constraints | of the next power of two | witness | public |{}",
        id_head(ids)
    )?;
    writeln!(
        out,
        "|---|---|---|---|---|---|{}",
        if ids { "---|" } else { "" }
    )?;
    for set in sets {
        let circuits = Circuits::for_set(set);
        for name in CircuitName::ALL {
            let size = circuits.size(name)?;
            let domain = size.constraints.next_power_of_two();
            let percent = 100 * size.constraints / domain;
            let log2 = domain.trailing_zeros();
            write!(
                out,
                "| {} | {name} | {} | {percent} % of 2^{log2} ",
                set.name, size.constraints
            )?;
            write!(out, "| {} | {} |", size.witness, size.public_inputs)?;
            if ids {
                write!(out, " {} |", circuits.id(name)?)?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

const fn id_head(ids: bool) -> &'static str {
    if ids { " id |" } else { "" }
}
