//! What a contract's "no" says: the four selector bytes and the words behind them, read by the ABI of the artifacts.

use std::collections::HashMap;
use std::sync::OnceLock;

use alloy::primitives::{Address, I256, U256, keccak256};
use serde::Deserialize;

use crate::abi::artifact;

/// Longer arguments are cut: an error text is for people.
const MAX_SHOWN_BYTES: usize = 256;

/// A decoded revert: the error's name, and name and value of each argument.
pub(crate) type Decoded = (String, Vec<(String, String)>);

struct ErrorShape {
    name: String,
    inputs: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Artifact {
    abi: Vec<AbiItem>,
}

#[derive(Deserialize)]
struct AbiItem {
    r#type: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    inputs: Vec<AbiInput>,
}

#[derive(Deserialize)]
struct AbiInput {
    #[serde(default)]
    name: String,
    r#type: String,
    #[serde(default)]
    components: Vec<Self>,
}

impl AbiInput {
    /// The type as it is hashed: a struct is the tuple of its members.
    fn canonical(&self) -> String {
        match self.r#type.strip_prefix("tuple") {
            Some(array) => {
                let inner: Vec<String> = self.components.iter().map(Self::canonical).collect();
                format!("({}){array}", inner.join(","))
            }
            None => self.r#type.clone(),
        }
    }

    /// Static structs lie flat in the words: their members become arguments of their own.
    fn flatten(&self, into: &mut Vec<(String, String)>) {
        if self.r#type == "tuple" {
            for component in &self.components {
                component.flatten(into);
            }
        } else {
            into.push((self.name.clone(), self.r#type.clone()));
        }
    }
}

/// Reads the bytes of a revert.
pub(crate) fn decode(data: &[u8]) -> Decoded {
    let unknown = || {
        (
            "unknown".to_owned(),
            vec![("data".to_owned(), shown_bytes(data))],
        )
    };
    if data.is_empty() {
        return (
            "unknown".to_owned(),
            vec![("data".to_owned(), "none".to_owned())],
        );
    }
    let Some((selector, words)) = data.split_first_chunk::<4>() else {
        return unknown();
    };
    let Some(shape) = table().get(selector) else {
        return unknown();
    };
    let mut arguments = Vec::with_capacity(shape.inputs.len());
    for (place, (name, kind)) in shape.inputs.iter().enumerate() {
        let Some(value) = argument(words, place, kind) else {
            return unknown();
        };
        arguments.push((name.clone(), value));
    }
    (shape.name.clone(), arguments)
}

fn table() -> &'static HashMap<[u8; 4], ErrorShape> {
    static TABLE: OnceLock<HashMap<[u8; 4], ErrorShape>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = HashMap::new();
        let builtin = [("Error", "reason", "string"), ("Panic", "code", "uint256")];
        for (name, argument, kind) in builtin {
            let inputs = vec![(argument.to_owned(), kind.to_owned())];
            table.insert(
                selector(&format!("{name}({kind})")),
                ErrorShape {
                    name: name.to_owned(),
                    inputs,
                },
            );
        }
        for (_, json) in artifact::ALL {
            // The artifacts are compiled in and a test reads each, so a failure here cannot pass unseen.
            let Ok(artifact) = serde_json::from_str::<Artifact>(json) else {
                continue;
            };
            for item in artifact
                .abi
                .into_iter()
                .filter(|item| item.r#type == "error")
            {
                let kinds: Vec<String> = item.inputs.iter().map(AbiInput::canonical).collect();
                let mut inputs = Vec::new();
                for input in &item.inputs {
                    input.flatten(&mut inputs);
                }
                let signature = format!("{}({})", item.name, kinds.join(","));
                table.insert(
                    selector(&signature),
                    ErrorShape {
                        name: item.name,
                        inputs,
                    },
                );
            }
        }
        table
    })
}

fn selector(signature: &str) -> [u8; 4] {
    let [a, b, c, d, ..] = keccak256(signature).0;
    [a, b, c, d]
}

/// One argument as text; `None` when the bytes do not hold it.
fn argument(words: &[u8], place: usize, kind: &str) -> Option<String> {
    let word: [u8; 32] = word_at(words, place)?;
    let number = U256::from_be_bytes(word);
    let text = match kind {
        "bool" => (number != U256::ZERO).to_string(),
        "address" => cairn_wire::Address(Address::from_word(word.into()).into_array()).to_string(),
        "string" => String::from_utf8_lossy(tail(words, number)?).into_owned(),
        "bytes" => shown_bytes(tail(words, number)?),
        _ if kind.ends_with(']') => "[..]".to_owned(),
        _ if kind.starts_with("uint") => number.to_string(),
        _ if kind.starts_with("int") => I256::from_raw(number).to_string(),
        _ => shown_bytes(&word),
    };
    Some(text)
}

fn word_at(words: &[u8], place: usize) -> Option<[u8; 32]> {
    let start = place.checked_mul(32)?;
    words.get(start..start.checked_add(32)?)?.try_into().ok()
}

/// The bytes a dynamic argument's head points at, cut to what is worth showing.
fn tail(words: &[u8], offset: U256) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let rest = words.get(start..)?;
    let (length, bytes) = rest.split_first_chunk::<32>()?;
    let length = usize::try_from(U256::from_be_bytes(*length)).ok()?;
    bytes.get(..length.min(MAX_SHOWN_BYTES))
}

fn shown_bytes(bytes: &[u8]) -> String {
    let shown = bytes
        .get(..bytes.len().min(MAX_SHOWN_BYTES))
        .unwrap_or_default();
    let cut = if shown.len() < bytes.len() { ".." } else { "" };
    format!("0x{}{cut}", hex::encode(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_artifact_is_read_and_brings_its_errors() {
        for (name, json) in artifact::ALL {
            assert!(serde_json::from_str::<Artifact>(json).is_ok(), "{name}");
        }
        assert!(table().len() > 30, "{} errors known", table().len());
    }

    #[test]
    fn an_error_is_told_by_name_with_its_arguments() {
        let mut data = selector("Sectors_AlreadyProven(address,uint32,uint64)").to_vec();
        data.extend(
            [
                [0; 12].as_slice(),
                &[0xab; 20],
                &[0; 31],
                &[3],
                &[0; 31],
                &[9],
            ]
            .concat(),
        );
        let (name, arguments) = decode(&data);
        assert_eq!(name, "Sectors_AlreadyProven", "name");
        let address = format!("0x{}", "ab".repeat(20));
        let expected = [
            ("provider", address.as_str()),
            ("tree", "3"),
            ("period", "9"),
        ];
        let got: Vec<_> = arguments
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(got, expected, "arguments");
    }

    #[test]
    fn a_text_and_a_panic_are_told_too() {
        let mut data = selector("Error(string)").to_vec();
        data.extend([[0; 31].as_slice(), &[32], &[0; 31], &[2], b"no", &[0; 30]].concat());
        assert_eq!(
            decode(&data),
            (
                "Error".to_owned(),
                vec![("reason".to_owned(), "no".to_owned())]
            ),
            "text"
        );
        let mut data = selector("Panic(uint256)").to_vec();
        data.extend([[0; 31].as_slice(), &[0x11]].concat());
        assert_eq!(
            decode(&data),
            (
                "Panic".to_owned(),
                vec![("code".to_owned(), "17".to_owned())]
            ),
            "panic"
        );
    }

    #[test]
    fn unknown_and_broken_reverts_are_shown_as_bytes() {
        assert_eq!(decode(&[]).1[0].1, "none", "nothing");
        assert_eq!(
            decode(&[1, 2, 3]).1[0].1,
            "0x010203",
            "shorter than a selector"
        );
        assert_eq!(decode(&[0xff; 4]).0, "unknown", "a stranger's error");
        let cut = selector("Error(string)");
        assert_eq!(decode(&cut).0, "unknown", "its argument is missing");
        let mut wild = cut.to_vec();
        wild.extend([0xff; 32]);
        assert_eq!(decode(&wild).0, "unknown", "its offset points nowhere");
    }
}
