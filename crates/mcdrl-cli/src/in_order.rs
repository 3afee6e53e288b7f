//! Work in several threads, with results in order.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

/// Does `work` on each item in `threads` threads, and hands the results to `take` in the order of the items. Only a few items for each thread are
/// under way, so that the memory stays bounded. The first error of `take` ends the work.
pub fn in_order<T: Send, R: Send, E>(
    threads: usize,
    items: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let (to_work, jobs) = sync_channel::<(T, SyncSender<R>)>(threads);
    let (to_take, results) = sync_channel::<Receiver<R>>(2 * threads);
    let jobs = Arc::new(Mutex::new(jobs));
    let work = &work;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for item in items {
                let (answer, result) = sync_channel(1);
                // An error here means that `take` has failed and nobody waits.
                if to_take.send(result).is_err() || to_work.send((item, answer)).is_err() {
                    break;
                }
            }
        });
        for _ in 0..threads {
            let jobs = jobs.clone();
            scope.spawn(move || {
                let next = || jobs.lock().ok()?.recv().ok();
                while let Some((item, answer)) = next() {
                    let _ = answer.send(work(item));
                }
            });
        }
        // If all threads panic, nobody holds the jobs, and the sender of the items ends too.
        drop(jobs);
        for result in results {
            // A thread that panicked sends nothing. The scope passes its panic on.
            let Ok(result) = result.recv() else { break };
            take(result)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_order_and_few_are_under_way() {
        let (begun, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |item: u64| {
            let ahead = begun.fetch_add(1, Ordering::SeqCst) - taken.load(Ordering::SeqCst);
            assert!(ahead <= 12, "{ahead} items are under way");
            // The first one is slow: the others wait for it.
            std::thread::sleep(Duration::from_millis(if item == 0 { 50 } else { item % 3 }));
            item
        };
        let mut seen = Vec::new();
        let done: Result<(), ()> = in_order(4, 0..100, work, |item| {
            taken.fetch_add(1, Ordering::SeqCst);
            seen.push(item);
            Ok(())
        });
        assert_eq!((done, seen), (Ok(()), (0..100).collect()));
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn panics_of_all_threads_end_the_work() {
        let work = |_: usize| panic!("as a GPU runtime does when its device is gone");
        let _ = in_order(2, 0..100, work, |(): ()| Ok::<(), ()>(()));
    }

    #[test]
    fn an_error_ends_the_work() {
        let begun = AtomicUsize::new(0);
        let work = |item: usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            item
        };
        let take = |item| if item == 3 { Err(item) } else { Ok(()) };
        assert_eq!(in_order(2, 0..10_000, work, take), Err(3));
        assert!(begun.load(Ordering::SeqCst) < 100);
    }
}
