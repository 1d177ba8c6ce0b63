//! Classification trees that vote (L. Breiman 2001, "Random Forests"), and what their votes rest on.

use ganvas_prob::stream::{StreamRng, Streams, permutation};
use rand::RngExt;
use rayon::prelude::*;

/// Trees of a forest.
const TREES: usize = 32;
/// No split leaves fewer items than this on a side.
const LEAF: usize = 5;
/// Splits on the way to a leaf, at most; there are some twenty unless values are split off one by one.
const DEPTH: usize = 64;

/// Trees that are each grown on a resample of the items by the splits that most lower the Gini impurity. Every latent is
/// looked at for every split, in an order of the tree's own, by which equally good ones take turns.
pub(super) struct Forest<'a> {
    codes: &'a [Vec<f64>],
    count: usize,
    trees: Vec<Node>,
}

struct Node {
    /// The values that occur among the node's items, ascending, and their shares.
    shares: Vec<(usize, f64)>,
    split: Option<Box<Split>>,
}

impl Node {
    fn share(&self, value: usize) -> f64 {
        self.shares.binary_search_by_key(&value, |(value, _)| *value).map_or(0.0, |at| self.shares[at].1)
    }
}

struct Split {
    latent: usize,
    /// Up to which an item goes to the first child.
    threshold: f64,
    children: [Node; 2],
}

impl<'a> Forest<'a> {
    /// A forest that tells `values`, each below `count`, by the columns of `codes`, `[latents][n]`, from the items
    /// `train`.
    pub(super) fn new(
        codes: &'a [Vec<f64>],
        values: &[usize],
        count: usize,
        train: &[usize],
        streams: &Streams,
    ) -> Self {
        let sorted = |column: &Vec<f64>| {
            let mut order = train.to_vec();
            order.sort_unstable_by(|&a, &b| column[a].total_cmp(&column[b]).then(a.cmp(&b)));
            order
        };
        let sorted: Vec<Vec<usize>> = codes.iter().map(sorted).collect();
        let grow = |tree: usize| {
            let mut rng = streams.rng("tree", tree as u64);
            let grower = Grower::new(codes, values, count, train, &mut rng);
            let drawn = |order: &Vec<usize>| order.iter().copied().filter(|&item| grower.times[item] > 0).collect();
            grower.grow(sorted.iter().map(drawn).collect(), DEPTH)
        };
        Self { codes, count, trees: (0..TREES).into_par_iter().map(grow).collect() }
    }

    /// What the forest says of an item, and by how much the splits on each latent raise the probability that it gives
    /// to `value`, `[latents]`: together from that value's share in all items to the forest's.
    pub(super) fn vote(&self, item: usize, value: usize) -> (usize, Vec<f64>) {
        let mut votes = vec![0.0; self.count];
        let mut credits = vec![0.0; self.codes.len()];
        for tree in &self.trees {
            let mut node = tree;
            while let Some(split) = &node.split {
                let child = &split.children[usize::from(self.codes[split.latent][item] > split.threshold)];
                credits[split.latent] += (child.share(value) - node.share(value)) / TREES as f64;
                node = child;
            }
            node.shares.iter().for_each(|(value, share)| votes[*value] += share);
        }
        let told = (0..votes.len()).rev().max_by(|&a, &b| votes[a].total_cmp(&votes[b])).unwrap_or(0);
        (told, credits)
    }
}

struct Grower<'a> {
    codes: &'a [Vec<f64>],
    values: &'a [usize],
    count: usize,
    /// How often each item is in the resample.
    times: Vec<usize>,
    latents: Vec<usize>,
}

/// Where a latent is split, and by how much that lowers the items' number times their impurity.
#[derive(Clone, Copy)]
struct Cut {
    latent: usize,
    threshold: f64,
    decrease: f64,
}

impl<'a> Grower<'a> {
    fn new(codes: &'a [Vec<f64>], values: &'a [usize], count: usize, train: &[usize], rng: &mut StreamRng) -> Self {
        let mut times = vec![0; values.len()];
        (0..train.len()).for_each(|_| times[train[rng.random_range(0..train.len())]] += 1);
        Self { codes, values, count, times, latents: permutation(rng, codes.len()) }
    }

    /// The tree of these items, which are given in the order of each latent, of at most `depth` splits in a row.
    fn grow(&self, sorted: Vec<Vec<usize>>, depth: usize) -> Node {
        let mut counts = vec![0; self.count];
        sorted[0].iter().for_each(|&item| counts[self.values[item]] += self.times[item]);
        let total: usize = counts.iter().sum();
        let occurring = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let shares = occurring.map(|(value, &count)| (value, count as f64 / total as f64)).collect();
        let mut best: Option<Cut> = None;
        for &latent in &self.latents {
            let cut = self.best_cut(latent, &sorted[latent], &counts);
            best = match (best, cut) {
                (Some(best), Some(cut)) if cut.decrease > best.decrease * (1.0 + 1e-9) => Some(cut),
                (best, cut) => best.or(cut),
            };
        }
        let split = best.filter(|_| depth > 0).map(|Cut { latent, threshold, .. }| {
            let column = &self.codes[latent];
            let (below, above): (Vec<_>, Vec<_>) =
                sorted.into_iter().map(|order| order.into_iter().partition(|&item| column[item] <= threshold)).unzip();
            Box::new(Split { latent, threshold, children: [below, above].map(|part| self.grow(part, depth - 1)) })
        });
        Node { shares, split }
    }

    /// The cut of one latent that most lowers n (1 - sum p_v^2) = n - sum n_v^2 / n, if any does; of equally good ones, as
    /// there are between values that are all apart, the most even.
    fn best_cut(&self, latent: usize, order: &[usize], counts: &[usize]) -> Option<Cut> {
        let total: usize = counts.iter().sum();
        let (mut below, mut above) = (vec![0; counts.len()], counts.to_vec());
        let (mut squares_below, mut squares_above) = (0, counts.iter().map(|n| n * n).sum::<usize>());
        let whole = squares_above as f64 / total as f64;
        let column = &self.codes[latent];
        let (mut passed, mut best) = (0, None);
        let (mut least, mut most_even) = (1e-9 * total as f64, 0);
        for pair in order.windows(2) {
            let (value, times) = (self.values[pair[0]], self.times[pair[0]]);
            // (n + t)^2 - n^2 and n^2 - (n - t)^2.
            squares_below += times * (2 * below[value] + times);
            squares_above -= times * (2 * above[value] - times);
            below[value] += times;
            above[value] -= times;
            passed += times;
            let (here, next) = (column[pair[0]], column[pair[1]]);
            if here == next || passed < LEAF || total - passed < LEAF {
                continue;
            }
            let decrease =
                squares_below as f64 / passed as f64 + squares_above as f64 / (total - passed) as f64 - whole;
            let evenness = passed.min(total - passed);
            if decrease > least * (1.0 + 1e-9) || decrease > least * (1.0 - 1e-9) && evenness > most_even {
                (least, most_even) = (decrease, evenness);
                best = Some(Cut { latent, threshold: here + (next - here) / 2.0, decrease });
            }
        }
        best
    }
}
