//! What the code refuses, by name.

use cairn_erasure::{Code, CodeError, MAX_STRIP_BYTES};

#[test]
fn parameters_outside_one_to_256_are_refused() {
    for (k, n) in [
        (0, 4),
        (4, 4),
        (5, 4),
        (1, 1),
        (10, 257),
        (256, 257),
        (u16::MAX, u16::MAX),
        (0, 0),
    ] {
        assert_eq!(
            Code::new(k, n, 8).unwrap_err(),
            CodeError::Parameters { k, n }
        );
    }
    assert!(Code::new(1, 2, 1).is_ok());
    assert!(Code::new(255, 256, MAX_STRIP_BYTES).is_ok());
}

#[test]
fn strips_of_no_bytes_or_too_many_are_refused() {
    for got in [0, MAX_STRIP_BYTES + 1, u32::MAX] {
        assert_eq!(
            Code::new(2, 4, got).unwrap_err(),
            CodeError::StripBytes {
                got,
                max: MAX_STRIP_BYTES
            }
        );
    }
}

#[test]
fn a_piece_given_twice_does_not_count_twice() {
    let code = Code::new(2, 4, 8).unwrap();
    let pieces = code.encode_segment(&[7; 30]);
    let twice = [(3, pieces[3].as_slice()), (3, pieces[3].as_slice())];
    assert_eq!(
        code.decode_segment(&twice, 30).unwrap_err(),
        CodeError::TooFewPieces {
            expected: 2,
            got: 1
        }
    );
    assert_eq!(
        code.rebuilder(&[3, 3], &[0]).unwrap_err(),
        CodeError::RepeatedPiece { index: 3 }
    );
    let thrice = [
        (3, pieces[3].as_slice()),
        (3, pieces[3].as_slice()),
        (0, pieces[0].as_slice()),
    ];
    assert_eq!(code.decode_segment(&thrice, 30).unwrap(), vec![7; 30]);
}

#[test]
fn a_piece_the_code_does_not_have_is_refused() {
    let code = Code::new(2, 4, 8).unwrap();
    let pieces = code.encode_segment(&[7; 30]);
    let strange = [(3, pieces[3].as_slice()), (4, pieces[0].as_slice())];
    assert_eq!(
        code.decode_segment(&strange, 30).unwrap_err(),
        CodeError::NoSuchPiece { index: 4, n: 4 }
    );
    assert_eq!(
        code.rebuilder(&[0, 1], &[9]).unwrap_err(),
        CodeError::NoSuchPiece { index: 9, n: 4 }
    );
}

#[test]
fn pieces_of_another_length_are_refused() {
    let code = Code::new(2, 4, 8).unwrap();
    let pieces = code.encode_segment(&[7; 30]);
    assert_eq!(pieces[0].len(), 16);
    let short = [(0, pieces[0].as_slice()), (2, &pieces[2][..15])];
    let error = CodeError::Length {
        expected: 16,
        got: 15,
    };
    assert_eq!(code.decode_segment(&short, 30).unwrap_err(), error);
    assert_eq!(code.rebuild(&short, &[1]).unwrap_err(), error);
    let ragged = [(0, &pieces[0][..12]), (2, &pieces[2][..12])];
    assert_eq!(
        code.rebuild(&ragged, &[1]).unwrap_err(),
        CodeError::Length {
            expected: 16,
            got: 12
        }
    );
    let fine = [(0, pieces[0].as_slice()), (2, pieces[2].as_slice())];
    assert_eq!(
        code.decode_segment(&fine, 33).unwrap_err(),
        CodeError::Length {
            expected: 24,
            got: 16
        }
    );
}

#[test]
fn a_rebuilder_refuses_buffers_it_was_not_made_for() {
    let code = Code::new(2, 4, 8).unwrap();
    let rebuilder = code.rebuilder(&[0, 1], &[2]).unwrap();
    let (strip, mut out) = ([1_u8; 8], [0_u8; 8]);
    assert_eq!(
        rebuilder.row(&[&strip], &mut [&mut out]).unwrap_err(),
        CodeError::Count {
            expected: 2,
            got: 1
        }
    );
    assert_eq!(
        rebuilder.row(&[&strip, &strip], &mut []).unwrap_err(),
        CodeError::Count {
            expected: 1,
            got: 0
        }
    );
    assert_eq!(
        rebuilder
            .row(&[&strip, &strip[..7]], &mut [&mut out])
            .unwrap_err(),
        CodeError::Length {
            expected: 8,
            got: 7
        }
    );
    assert_eq!(
        rebuilder
            .row(&[&strip, &strip], &mut [&mut out[..7]])
            .unwrap_err(),
        CodeError::Length {
            expected: 8,
            got: 7
        }
    );
}

#[test]
fn an_empty_segment_has_empty_pieces() {
    let code = Code::new(2, 4, 8).unwrap();
    let pieces = code.encode_segment(&[]);
    assert_eq!(pieces, vec![Vec::<u8>::new(); 4]);
    let given = [(1, pieces[1].as_slice()), (2, pieces[2].as_slice())];
    assert_eq!(code.decode_segment(&given, 0).unwrap(), Vec::<u8>::new());
}

#[test]
fn exactly_one_strip_one_row_and_one_byte_more_have_the_lengths_of_the_formula() {
    let code = Code::new(3, 5, 8).unwrap();
    for (segment, piece) in [(1, 8), (8, 8), (24, 8), (25, 16), (48, 16)] {
        assert_eq!(code.payload_len(segment), piece);
        assert_eq!(
            code.encode_segment(&vec![1; usize::try_from(segment).unwrap()])[4].len() as u64,
            piece
        );
    }
    assert_eq!(code.largest_segment(23), 48);
    assert_eq!(code.largest_segment(7), 0);
    assert_eq!(code.payload_len(u64::MAX), u64::MAX / 24 * 8 + 8);
}
