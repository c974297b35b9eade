//! The read pool of the server (`src/http/blocking/read_pool.rs`) beside `tokio::task::spawn_blocking`:
//! jobs a second and their latency, for tasks that each wait for one short job after the other:
//! `cargo bench --bench read_pool [-- SECONDS]`. The two alternate in one run.
#![allow(clippy::unwrap_used, reason = "a measurement may fail")]

#[path = "../src/http/blocking/read_pool.rs"]
mod read_pool;

use std::{
    env,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use read_pool::ReadPool;
use tokio::{runtime::Builder, task::spawn_blocking};

/// The errors that the pool reports, as in `src/http/blocking/mod.rs`.
#[derive(Debug)]
#[allow(dead_code, reason = "a failed measurement prints the error")]
pub enum BlockingError {
    /// The system starts no further thread.
    NoThread(std::io::Error),
    /// The job panicked.
    Panicked,
}

/// Tasks that wait for jobs at the same time: one client, the clients of a script, many clients.
const TASKS: [usize; 4] = [1, 4, 16, 64];

/// Rounds of each way; the median is printed.
const TURNS: usize = 5;

/// The rounds of a job's computation: about 3 µs, as a point read of the store takes.
const JOB_ROUNDS: u64 = 3_000;

/// A way to run blocking jobs.
#[derive(Clone)]
enum Way {
    Pool(Arc<ReadPool>),
    SpawnBlocking,
}

/// The result of one round.
#[derive(Clone, Copy)]
struct Measured {
    jobs_per_second: f64,
    median: Duration,
    percentile_99: Duration,
}

fn main() {
    let seconds = env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1.0);
    let turn = Duration::from_secs_f64(seconds);
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    println!("{:>5}  {:>34}  {:>34}  throughput  latency", "tasks", "read pool", "spawn_blocking");
    for tasks in TASKS {
        let pool = Way::Pool(Arc::default());
        let mut measured = [Vec::new(), Vec::new()];
        for _ in 0..TURNS {
            for (way, results) in [&pool, &Way::SpawnBlocking].into_iter().zip(&mut measured) {
                results.push(runtime.block_on(measure(way, tasks, turn)));
            }
        }
        let [pool, spawned] = measured.map(middle);
        println!(
            "{tasks:>5}  {}  {}  {:>9.2}x {:>7.2}x",
            line(pool),
            line(spawned),
            pool.jobs_per_second / spawned.jobs_per_second,
            pool.median.as_secs_f64() / spawned.median.as_secs_f64()
        );
    }
}

/// Runs jobs in `tasks` tasks for the length of a round.
async fn measure(way: &Way, tasks: usize, turn: Duration) -> Measured {
    let started = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let way = way.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while started.elapsed() < turn {
                    let begin = Instant::now();
                    match &way {
                        Way::Pool(pool) => pool.run(job).await.unwrap(),
                        Way::SpawnBlocking => spawn_blocking(job).await.unwrap(),
                    };
                    latencies.push(begin.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in running {
        latencies.extend(task.await.unwrap());
    }
    let elapsed = started.elapsed();
    latencies.sort_unstable();
    Measured {
        jobs_per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
        median: latencies[latencies.len() / 2],
        percentile_99: latencies[latencies.len() * 99 / 100],
    }
}

/// A job of about 3 µs.
fn job() -> u64 {
    (0..JOB_ROUNDS).fold(0, |sum, round| black_box(sum ^ round.wrapping_mul(0x9e37_79b9)))
}

/// Returns the round whose latency is the median.
fn middle(mut turns: Vec<Measured>) -> Measured {
    turns.sort_by_key(|turn| turn.median);
    turns[turns.len() / 2]
}

fn line(measured: Measured) -> String {
    format!(
        "{:>8.0}/s {:>9.1?} p99 {:>9.1?}",
        measured.jobs_per_second, measured.median, measured.percentile_99
    )
}
