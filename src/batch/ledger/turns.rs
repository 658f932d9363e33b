//! Owns the turns of batches: owners one after the other, and of each owner its batches one after the other. So a
//! sentence of one does not wait for the many batches of another.

use std::collections::{HashSet, VecDeque};

use super::super::model::BatchId;

/// Batches with waiting items.
#[derive(Debug, Default)]
pub struct Turns {
    owners: VecDeque<(String, VecDeque<BatchId>)>,
}

/// Batches of one owner that are worked off side by side; those after them wait.
const SIDE_BY_SIDE: usize = 32;

// === impl Turns ===

impl Turns {
    /// Adds a batch, as the last of its owner. One that is there stays where it is.
    pub fn add(&mut self, owner: &str, id: BatchId) {
        match self.owners.iter_mut().find(|(name, _)| name == owner) {
            Some((_, batches)) if batches.contains(&id) => {}
            Some((_, batches)) => batches.push_back(id),
            None => self.owners.push_back((owner.to_owned(), VecDeque::from([id]))),
        }
    }

    pub fn remove(&mut self, id: BatchId) {
        self.keep(|there| there != id);
    }

    pub fn keep_only(&mut self, ids: &HashSet<BatchId>) {
        self.keep(|there| ids.contains(&there));
    }

    fn keep(&mut self, keeps: impl Fn(BatchId) -> bool) {
        for (_, batches) in &mut self.owners {
            batches.retain(|id| keeps(*id));
        }
        self.owners.retain(|(_, batches)| !batches.is_empty());
    }

    /// In the order in which they are to be asked for an item: the next of each owner, then the second of each.
    pub fn order(&self) -> Vec<BatchId> {
        let longest = self.owners.iter().map(|(_, batches)| batches.len()).max().unwrap_or_default();
        (0..longest.min(SIDE_BY_SIDE))
            .flat_map(|place| self.owners.iter().filter_map(move |(_, batches)| batches.get(place).copied()))
            .collect()
    }

    /// This batch has had its turn, and so has its owner. Batches beyond those that go side by side stay behind them.
    pub fn had(&mut self, id: BatchId) {
        let Some(owner) = self.owners.iter().position(|(_, batches)| batches.contains(&id)) else { return };
        let Some((name, mut batches)) = self.owners.remove(owner) else { return };
        batches.retain(|there| *there != id);
        batches.insert(batches.len().min(SIDE_BY_SIDE - 1), id);
        self.owners.push_back((name, batches));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of one owner.
    fn with_many() -> (Turns, Vec<BatchId>) {
        let mut turns = Turns::default();
        let many: Vec<BatchId> = (0..40).map(|_| BatchId::random()).collect();
        for id in &many {
            turns.add("many", *id);
        }
        (turns, many)
    }

    fn next(turns: &mut Turns) -> BatchId {
        let id = turns.order()[0];
        turns.had(id);
        id
    }

    #[test]
    fn owners_take_turns_however_many_batches_each_has() {
        let (mut turns, many) = with_many();
        let (first, single) = (next(&mut turns), BatchId::random());
        turns.add("single", single);

        let taken: Vec<BatchId> = (0..6).map(|_| next(&mut turns)).collect();

        assert_eq!(first, many[0]);
        assert_eq!(taken, [many[1], single, many[2], single, many[3], single]);
    }

    #[test]
    fn an_owners_batches_go_side_by_side_up_to_a_bound_and_the_rest_follows() {
        let (mut turns, many) = with_many();

        let taken: HashSet<BatchId> = (0..100).map(|_| next(&mut turns)).collect();
        turns.remove(many[3]);
        let later: HashSet<BatchId> = (0..100).map(|_| next(&mut turns)).collect();

        assert_eq!(taken, many[..SIDE_BY_SIDE].iter().copied().collect());
        assert!(later.contains(&many[SIDE_BY_SIDE]) && !later.contains(&many[SIDE_BY_SIDE + 1]));
        turns.keep_only(&HashSet::new());
        assert!(turns.order().is_empty());
    }
}
