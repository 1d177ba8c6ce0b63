use super::{InformationError, pmf};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// A binary prefix code: no word starts another, so a sequence of words is read without separators.
#[derive(Clone, Debug, PartialEq)]
pub struct PrefixCode {
    probabilities: Vec<f64>,
    words: Vec<Option<String>>,
}

/// A probability as a key of a heap.
#[derive(PartialEq)]
struct Mass(f64);

impl Eq for Mass {}

impl PartialOrd for Mass {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Mass {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The prefix code of least mean length (D. A. Huffman 1952, "A method for the construction of minimum-redundancy
/// codes"), its words in canonical order (E. S. Schwartz and B. Kallick 1964): shorter first, then by symbol.
///
/// Its mean length L obeys H <= L < H + 1 bits. Symbols without probability get no word; a symbol that is certain gets
/// the empty one.
///
/// ```
/// use ganvas_prob::information::huffman;
/// let code = huffman(&[0.5, 0.25, 0.125, 0.125])?;
/// assert_eq!(code.lengths(), [1, 2, 3, 3]);
/// assert_eq!(code.word(1), Some("10"));
/// assert_eq!((code.mean_length_bits(), code.entropy_bits()), (1.75, 1.75));
/// assert_eq!(code.decode(&code.encode(&[3, 0, 1])?)?, [3, 0, 1]);
/// # Ok::<(), ganvas_prob::information::InformationError>(())
/// ```
///
/// # Errors
/// If `p` is no distribution.
pub fn huffman(p: &[f64]) -> Result<PrefixCode, InformationError> {
    let probabilities = pmf(p)?;
    let symbols: Vec<usize> = (0..p.len()).filter(|&i| probabilities[i] > 0.0).collect();
    // Nodes 0..n are the symbols, later ones join two; `parent` of the root stays its own.
    let mut parent: Vec<usize> = (0..symbols.len()).collect();
    let mut heap: BinaryHeap<Reverse<(Mass, usize)>> =
        symbols.iter().enumerate().map(|(node, &i)| Reverse((Mass(probabilities[i]), node))).collect();
    while let (Some(Reverse((Mass(a), first))), Some(Reverse((Mass(b), second)))) = (heap.pop(), heap.pop()) {
        let node = parent.len();
        parent.push(node);
        (parent[first], parent[second]) = (node, node);
        heap.push(Reverse((Mass(a + b), node)));
    }
    // Parents have higher numbers, so their depths are known first.
    let mut depth = vec![0usize; parent.len()];
    for node in (0..parent.len()).rev() {
        if parent[node] != node {
            depth[node] = depth[parent[node]] + 1;
        }
    }
    let mut order: Vec<usize> = (0..symbols.len()).collect();
    order.sort_by_key(|&node| (depth[node], node));
    let mut words = vec![None; p.len()];
    let mut word: Vec<u8> = Vec::new();
    for (place, &node) in order.iter().enumerate() {
        if place > 0 {
            // The next binary number: trailing ones become zeros, the zero before them a one.
            for bit in word.iter_mut().rev() {
                *bit ^= 1;
                if *bit == 1 {
                    break;
                }
            }
        }
        word.resize(depth[node], 0);
        words[symbols[node]] = Some(word.iter().map(|&bit| if bit == 1 { '1' } else { '0' }).collect());
    }
    Ok(PrefixCode { probabilities, words })
}

impl PrefixCode {
    /// The length of each symbol's word in bits, `[n]`; 0 for a symbol without one, or for the only one.
    pub fn lengths(&self) -> Vec<usize> {
        self.words.iter().map(|word| word.as_ref().map_or(0, String::len)).collect()
    }

    /// The word of a symbol, in the characters 0 and 1.
    pub fn word(&self, symbol: usize) -> Option<&str> {
        self.words.get(symbol)?.as_deref()
    }

    /// L = sum p length, in bits.
    pub fn mean_length_bits(&self) -> f64 {
        self.probabilities.iter().zip(self.lengths()).map(|(p, length)| p * length as f64).sum()
    }

    /// The entropy of the distribution that the code was made for, in bits: the least mean length of any code.
    pub fn entropy_bits(&self) -> f64 {
        0.0 - self.probabilities.iter().filter(|p| **p > 0.0).map(|p| p * p.log2()).sum::<f64>()
    }

    /// Kraft's sum of 2^-length over the words: 1, as no code word is wasted (L. G. Kraft 1949).
    pub fn kraft_sum(&self) -> f64 {
        self.words.iter().flatten().map(|word| (-(word.len() as f64)).exp2()).sum()
    }

    /// The words of these symbols, one after the other.
    ///
    /// # Errors
    /// If a symbol has no word.
    pub fn encode(&self, symbols: &[usize]) -> Result<String, InformationError> {
        let mut bits = String::new();
        for (position, &symbol) in symbols.iter().enumerate() {
            bits.push_str(self.word(symbol).ok_or(InformationError::Symbol { symbol, position })?);
        }
        Ok(bits)
    }

    /// The symbols whose words follow each other in `bits`.
    ///
    /// # Errors
    /// If the bits are no sequence of words.
    pub fn decode(&self, bits: &str) -> Result<Vec<usize>, InformationError> {
        let words: HashMap<&[u8], usize> =
            self.words.iter().enumerate().filter_map(|(i, word)| Some((word.as_ref()?.as_bytes(), i))).collect();
        let (bits, mut symbols, mut start) = (bits.as_bytes(), Vec::new(), 0);
        for end in 1..=bits.len() {
            if let Some(&symbol) = words.get(&bits[start..end]) {
                symbols.push(symbol);
                start = end;
            }
        }
        if start == bits.len() { Ok(symbols) } else { Err(InformationError::Bits { position: start }) }
    }
}
