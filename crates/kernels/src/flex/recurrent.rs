//! Long short-term memory over whole sequences: all steps of some sequences at a time, so that a step costs no more than its
//! arithmetic.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::functions::{sigmoid, tanh};
use super::passes::wide;
use super::pool::Buffer;
use super::product::product;

/// Sequences whose steps are computed together; by it alone they are shared among threads.
const GROUP: usize = 32;

/// How many sequences, steps and units there are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub batch: usize,
    pub steps: usize,
    pub units: usize,
}

impl Sizes {
    /// Values that a group has of so many at each step.
    fn group(self, each: usize) -> usize {
        (GROUP * self.steps * each).max(1)
    }
}

/// What a forward pass leaves, sequence by sequence and step by step.
pub struct States {
    /// What the units put out, `units` a step.
    pub outputs: Buffer,
    /// Their memories, `units` a step.
    pub cells: Buffer,
    /// Input, forget, cell and output gates after their functions, `units` of each a step.
    pub gates: Buffer,
}

/// The states under `inputs`, what the gates get from outside (`4 units` a step), and `recurrent`, `[units, 4 units]`.
pub fn forward(sizes: Sizes, inputs: &[f32], recurrent: &[f32]) -> States {
    let Sizes { batch, steps, units } = sizes;
    let mut states = States {
        outputs: Buffer::take(batch * steps * units),
        cells: Buffer::take(batch * steps * units),
        gates: Buffer::take(batch * steps * 4 * units),
    };
    let weight = MatRef::from_row_major_slice(recurrent, units, 4 * units);
    (states.outputs.par_chunks_mut(sizes.group(units)))
        .zip(states.cells.par_chunks_mut(sizes.group(units)))
        .zip(states.gates.par_chunks_mut(sizes.group(4 * units)))
        .zip(inputs.par_chunks(sizes.group(4 * units)))
        .for_each(|(((outputs, cells), gates), inputs)| {
            let n = inputs.len() / (steps * 4 * units).max(1);
            let mut held = vec![0f32; n * units];
            let mut memory = vec![0f32; n * units];
            let mut all = vec![0f32; n * 4 * units];
            for step in 0..steps {
                for (row, all) in all.chunks_exact_mut(4 * units).enumerate() {
                    all.copy_from_slice(&inputs[(row * steps + step) * 4 * units..][..4 * units]);
                }
                if step > 0 {
                    let held = MatRef::from_row_major_slice(&held, n, units);
                    let all = MatMut::from_row_major_slice_mut(&mut all, n, 4 * units);
                    matmul(all, Accum::Add, held, weight, 1.0, Par::Seq);
                }
                wide(|| advance(&mut all, &mut memory, &mut held, units));
                for row in 0..n {
                    let at = row * steps + step;
                    outputs[at * units..][..units].copy_from_slice(&held[row * units..][..units]);
                    cells[at * units..][..units].copy_from_slice(&memory[row * units..][..units]);
                    gates[at * 4 * units..][..4 * units].copy_from_slice(&all[row * 4 * units..][..4 * units]);
                }
            }
        });
    states
}

/// One step of some sequences: the gates' functions, then memory and output.
#[inline(always)]
fn advance(all: &mut [f32], memory: &mut [f32], held: &mut [f32], units: usize) {
    let rows = all.chunks_exact_mut(4 * units).zip(memory.chunks_exact_mut(units)).zip(held.chunks_exact_mut(units));
    for ((gates, memory), held) in rows {
        let (input, rest) = gates.split_at_mut(units);
        let (forget, rest) = rest.split_at_mut(units);
        let (cell, output) = rest.split_at_mut(units);
        for gate in [&mut *input, &mut *forget, &mut *output] {
            gate.iter_mut().for_each(|x| *x = sigmoid(*x));
        }
        cell.iter_mut().for_each(|x| *x = tanh(*x));
        for u in 0..units {
            memory[u] = forget[u] * memory[u] + input[u] * cell[u];
            held[u] = output[u] * tanh(memory[u]);
        }
    }
}

/// The gradients of `inputs` and, where it is wanted, of `recurrent`, given those of the outputs.
pub fn backward(
    sizes: Sizes,
    recurrent: &[f32],
    states: [&[f32]; 3],
    gradient: &[f32],
    wanted: bool,
) -> (Buffer, Option<Buffer>) {
    let (Sizes { batch, steps, units }, [outputs, cells, gates]) = (sizes, states);
    let weight = MatRef::from_row_major_slice(recurrent, units, 4 * units);
    let mut of_inputs = Buffer::take(batch * steps * 4 * units);
    (of_inputs.par_chunks_mut(sizes.group(4 * units)))
        .zip(cells.par_chunks(sizes.group(units)))
        .zip(gates.par_chunks(sizes.group(4 * units)))
        .zip(gradient.par_chunks(sizes.group(units)))
        .for_each(|(((of_inputs, cells), gates), gradient)| {
            let n = cells.len() / (steps * units).max(1);
            let mut held = vec![0f32; n * units];
            let mut memory = vec![0f32; n * units];
            let mut all = vec![0f32; n * 4 * units];
            let start = vec![0f32; units];
            for step in (0..steps).rev() {
                for row in 0..n {
                    let at = row * steps + step;
                    let before = if step > 0 { &cells[(at - 1) * units..][..units] } else { &start };
                    let moment = Moment {
                        gates: &gates[at * 4 * units..][..4 * units],
                        cell: &cells[at * units..][..units],
                        before,
                        gradient: &gradient[at * units..][..units],
                    };
                    let all = &mut all[row * 4 * units..][..4 * units];
                    let (held, memory) = (&held[row * units..][..units], &mut memory[row * units..][..units]);
                    wide(|| moment.back(all, held, memory));
                    of_inputs[at * 4 * units..][..4 * units].copy_from_slice(all);
                }
                if step > 0 {
                    let held = MatMut::from_row_major_slice_mut(&mut held, n, units);
                    let all = MatRef::from_row_major_slice(&all, n, 4 * units);
                    matmul(held, Accum::Replace, all, weight.transpose(), 1.0, Par::Seq);
                }
            }
        });
    let of_recurrent = wanted.then(|| {
        // What each step was given by the one before, all steps in one product.
        let mut earlier = Buffer::take(batch * steps * units);
        let each = steps * units;
        for (earlier, outputs) in earlier.chunks_exact_mut(each).zip(outputs.chunks_exact(each)) {
            earlier[..units].fill(0.0);
            earlier[units..].copy_from_slice(&outputs[..each - units]);
        }
        let earlier = MatRef::from_row_major_slice(&earlier, batch * steps, units);
        product(earlier.transpose(), MatRef::from_row_major_slice(&of_inputs, batch * steps, 4 * units), None)
    });
    (of_inputs, of_recurrent)
}

/// One sequence at one step, as the backward pass sees it.
struct Moment<'a> {
    gates: &'a [f32],
    cell: &'a [f32],
    before: &'a [f32],
    gradient: &'a [f32],
}

impl Moment<'_> {
    /// The gradients of what the gates are given, from those of the output (`held` comes from the step after) and of the memory, which
    /// becomes that of the step before.
    #[inline(always)]
    fn back(&self, all: &mut [f32], held: &[f32], memory: &mut [f32]) {
        let units = memory.len();
        let (input, rest) = self.gates.split_at(units);
        let (forget, rest) = rest.split_at(units);
        let (cell, output) = rest.split_at(units);
        let (of_input, rest) = all.split_at_mut(units);
        let (of_forget, rest) = rest.split_at_mut(units);
        let (of_cell, of_output) = rest.split_at_mut(units);
        let (now, before, gradient, held) =
            (&self.cell[..units], &self.before[..units], &self.gradient[..units], &held[..units]);
        for u in 0..units {
            let squashed = tanh(now[u]);
            let out = gradient[u] + held[u];
            let kept = memory[u] + out * output[u] * (1.0 - squashed * squashed);
            of_input[u] = kept * cell[u] * (input[u] * (1.0 - input[u]));
            of_forget[u] = kept * before[u] * (forget[u] * (1.0 - forget[u]));
            of_cell[u] = kept * input[u] * (1.0 - cell[u] * cell[u]);
            of_output[u] = out * squashed * (output[u] * (1.0 - output[u]));
            memory[u] = kept * forget[u];
        }
    }
}
