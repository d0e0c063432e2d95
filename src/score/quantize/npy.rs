//! NumPy's file format, version 1.0 (numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a header that says type
//! and shape, then the values.

use std::io::{self, Write};

use crate::{
    decode::{Dtype, Input, Tensor},
    score::shape,
};

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
/// The header's length is a multiple of this.
const ALIGNMENT: usize = 64;

/// Writes the tensors as one array [n, …] in `input`'s type and layout, little-endian.
///
/// # Errors
/// When `out` cannot be written.
pub fn write(out: &mut impl Write, input: &Input, tensors: &[Tensor]) -> io::Result<()> {
    let dtype = match input.dtype {
        Dtype::F32 => "<f4",
        Dtype::U8 => "|u1",
    };
    let sizes: Vec<String> = shape::of_input(input, tensors.len()).iter().map(ToString::to_string).collect();
    let mut header =
        format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({}), }}", sizes.join(", "));
    let unpadded = MAGIC.len() + 2 + header.len() + 1;
    header.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(ALIGNMENT) - unpadded));
    header.push('\n');
    out.write_all(MAGIC)?;
    out.write_all(&u16::try_from(header.len()).map_err(io::Error::other)?.to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for tensor in tensors {
        match tensor {
            Tensor::U8(values) => out.write_all(values)?,
            Tensor::F32(values) => values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::network;

    #[test]
    fn the_header_is_aligned_and_says_type_and_shape() {
        let input = network("tiny-watch").input;
        let values = 3 * input.width as usize * input.height as usize;
        let tensors = [Tensor::F32(vec![0.5; values]), Tensor::F32(vec![1.5; values])];
        let mut file = Vec::new();
        write(&mut file, &input, &tensors).unwrap();
        let length = usize::from(u16::from_le_bytes([file[8], file[9]]));
        assert_eq!((10 + length) % ALIGNMENT, 0);
        let header = std::str::from_utf8(&file[10..10 + length]).unwrap();
        assert!(
            header.contains("'<f4'") && header.contains("'shape': (2, ") && header.ends_with('\n'),
            "{header}"
        );
        let body = &file[10 + length..];
        assert_eq!(body.len(), 2 * values * 4);
        assert_eq!(body[..4], 0.5_f32.to_le_bytes());
        assert_eq!(body[values * 4..values * 4 + 4], 1.5_f32.to_le_bytes());
    }
}
