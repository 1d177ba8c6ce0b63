//! Translated items of earlier steps.

use std::any::Any;

use burn::tensor::{Device, Tensor};
use ganvas_nets::export::{ExportError, Weights};
use ganvas_nets::noise::Noise;
use ganvas_nets::state::{Part, State, StateError};
use ganvas_prob::stream::uniforms;

/// Translated items that a discriminator is shown among the latest, so that it does not forget what it has learnt of them
/// (Shrivastava et al. 2017, section 2.3; Zhu et al. 2017, section 4).
#[derive(Clone)]
pub(super) struct Pool {
    limit: usize,
    values: usize,
    device: Device,
    /// `[1, values]` each, on the device without gradients.
    items: Vec<Tensor<2>>,
}

impl Pool {
    /// None yet of at most `limit` items of so many values.
    pub fn new(limit: usize, values: usize, device: &Device) -> Self {
        Self { limit, values, device: device.clone().inner(), items: Vec::new() }
    }

    /// What a discriminator is shown in place of these items, `[n, values]`: while there is room each is kept and shown; after that,
    /// with probability 1/2, it takes the place of one that was kept, which is shown, and otherwise is shown itself and not kept.
    pub fn exchange(&mut self, items: Tensor<2>, noise: &Noise) -> Tensor<2> {
        let n = items.dims()[0];
        let items = items.inner();
        if self.limit == 0 {
            return Tensor::from_inner(items);
        }
        let shown = noise.generators("pool", [n]).into_iter().enumerate().map(|(i, mut rng)| {
            let new = items.clone().narrow(0, i, 1);
            if self.items.len() < self.limit {
                self.items.push(new.clone());
                return new;
            }
            let draws = uniforms(&mut rng, 2);
            if draws[0] >= 0.5 {
                return new;
            }
            let place = (f64::from(draws[1]) * self.limit as f64) as usize;
            std::mem::replace(&mut self.items[place.min(self.limit - 1)], new)
        });
        Tensor::from_inner(Tensor::cat(shown.collect(), 0))
    }
}

impl Part for Pool {
    fn remember(&self) -> Box<dyn Any> {
        Box::new(self.clone())
    }

    fn go_back(&mut self, to: Box<dyn Any>) {
        if let Ok(before) = to.downcast() {
            *self = *before;
        }
    }

    fn save(&self, name: &str, state: &mut State) {
        state.put_counter(format!("{name}/count"), self.items.len() as u64);
        if !self.items.is_empty() {
            state.put(format!("{name}/items"), Tensor::cat(self.items.clone(), 0));
        }
    }

    fn load(&mut self, name: &str, state: &mut State) -> Result<(), StateError> {
        let entry = format!("{name}/count");
        let count = usize::try_from(state.take_counter(&entry)?).ok().filter(|&count| count <= self.limit);
        let Some(count) = count else { return Err(StateError::Type { name: entry }) };
        self.items.clear();
        if count > 0 {
            let items = state.take(&format!("{name}/items"), &[count, self.values])?;
            let items: Tensor<2> = Tensor::from_data(items, &self.device);
            self.items.extend((0..count).map(|i| items.clone().narrow(0, i, 1)));
        }
        Ok(())
    }

    fn parameters(&self) -> usize {
        0
    }

    fn export(&self, _: &str, _: &mut Weights) -> Result<(), ExportError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::Streams;

    fn values(items: Tensor<2>) -> Vec<f32> {
        items.to_data().iter().collect()
    }

    /// A pool of 50 is shown the numbers from 0 on: the first fifty come back at once; later about half are new ones, which are
    /// never seen again, and half are old ones, each once.
    #[test]
    fn half_of_what_is_shown_is_old_and_no_item_is_shown_twice_or_lost() {
        let device = Device::flex().autodiff();
        let mut pool = Pool::new(50, 1, &device);
        let mut shown = Vec::new();
        for step in 0..500u64 {
            let new: Vec<f32> = (0..4).map(|i| (4 * step + i) as f32).collect();
            let items = Tensor::<1>::from_floats(new.as_slice(), &device).reshape([4, 1]);
            let noise = Noise::new(Streams::new(1), "discriminator", step, &device);
            shown.extend(values(pool.exchange(items, &noise)));
        }
        assert_eq!(shown[..50], (0..50).map(|i| i as f32).collect::<Vec<_>>());
        let fresh = (50..2000).filter(|&i| shown[i] == i as f32).count();
        assert!((875..1075).contains(&fresh), "{fresh} of 1950, of which half is expected within 4.5 standard errors");
        // All that came in after the pool was full went out once, or is still kept.
        let kept = pool.items.iter().flat_map(|item| values(item.clone()));
        let mut all: Vec<f32> = shown[50..].iter().copied().chain(kept).collect();
        all.sort_by(f32::total_cmp);
        assert_eq!(all, (0..2000).map(|i| i as f32).collect::<Vec<_>>());
    }

    #[test]
    fn a_pool_without_room_shows_what_comes() {
        let device = Device::flex().autodiff();
        let mut pool = Pool::new(0, 1, &device);
        let noise = Noise::new(Streams::new(1), "discriminator", 0, &device);
        let items = Tensor::<2>::from_floats([[1.0], [2.0]], &device);
        assert_eq!(values(pool.exchange(items, &noise)), [1.0, 2.0]);
        assert!(pool.items.is_empty());
    }
}
