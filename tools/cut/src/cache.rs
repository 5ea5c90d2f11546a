//! Holds data that has been written and not flushed, by sector, and decides how much of it survives a power
//! cut.

use std::collections::BTreeMap;

/// A card writes no smaller unit.
pub const SECTOR_BYTES: usize = 512;
/// Number of sectors that mostly survive or vanish together: one page of the machine.
const PAGE_SECTORS: u64 = 8;
/// Number of pages of which one is torn: only some of its sectors arrive.
const TORN_OF: u64 = 16;

type Sector = [u8; SECTOR_BYTES];

/// The newest data of each sector that has not yet reached the image.
#[derive(Default)]
pub struct Cache {
    sectors: BTreeMap<u64, Sector>,
}

impl Cache {
    /// Number of sectors in the cache.
    pub fn len(&self) -> usize {
        self.sectors.len()
    }

    /// Stores whole sectors.
    pub fn write(&mut self, offset: u64, data: &[u8]) {
        let first = offset / SECTOR_BYTES as u64;
        for (number, bytes) in (first..).zip(data.chunks_exact(SECTOR_BYTES)) {
            self.sectors.insert(number, bytes.try_into().expect("a chunk is a sector"));
        }
    }

    /// Copies the cache's newer data over data that was read from the image.
    pub fn lay_over(&self, offset: u64, data: &mut [u8]) {
        let first = offset / SECTOR_BYTES as u64;
        for (&number, bytes) in self.sectors.range(first..first + (data.len() / SECTOR_BYTES) as u64) {
            let at = (number - first) as usize * SECTOR_BYTES;
            data[at..at + SECTOR_BYTES].copy_from_slice(bytes);
        }
    }

    /// Empties the cache and returns its contents in order.
    pub fn take(&mut self) -> BTreeMap<u64, Sector> {
        std::mem::take(&mut self.sectors)
    }
}

/// The sectors that reach the card in spite of the cut: random pages, more or fewer depending on the seed,
/// some of them in part.
pub fn survivors(mut sectors: BTreeMap<u64, Sector>, seed: u64) -> BTreeMap<u64, Sector> {
    let percent = mix(seed) % 101;
    sectors.retain(|&sector, _| {
        let page = mix(seed ^ (sector / PAGE_SECTORS));
        let fate = if page % TORN_OF == 0 { mix(page ^ sector) } else { page };
        (fate >> 32) % 100 < percent
    });
    sectors
}

/// A pseudo-random number that depends only on `number` (`SplitMix64`).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_back_is_read() {
        let mut cache = Cache::default();
        cache.write(1024, &[1; 1024]);
        cache.write(1536, &[2; 512]);
        let mut data = [0; 2048];
        cache.lay_over(512, &mut data);
        assert_eq!([data[0], data[512], data[1024], data[1536]], [0, 1, 2, 0]);
        assert_eq!(cache.take().len(), 2);
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn a_cut_keeps_some_and_loses_some_the_same_by_the_same_seed() {
        let mut cache = Cache::default();
        cache.write(0, &vec![7; SECTOR_BYTES * 8000]);
        let all = cache.take();
        let kept: Vec<usize> = (0..50).map(|seed| survivors(all.clone(), seed).len()).collect();
        assert!(kept.iter().any(|&kept| kept < 2000) && kept.iter().any(|&kept| kept > 6000), "{kept:?}");
        assert_eq!(survivors(all.clone(), 3), survivors(all.clone(), 3));
        let torn = survivors(all, (0..50).find(|&seed| (3000..5000).contains(&kept[seed as usize])).unwrap());
        assert!((0..1000).any(|page| (1..8).contains(&torn.range(page * 8..page * 8 + 8).count())));
    }
}
