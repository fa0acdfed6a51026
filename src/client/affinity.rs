//! Selects the cores that the network threads are bound to.

use std::fs;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::model::op;
use crate::settings::Affinity;
use crate::sys::process;

/// Returns the cores of each thread. The list is empty for a thread that is not bound.
pub(super) fn cores(affinity: Affinity, threads: usize) -> Result<Vec<Vec<u32>>> {
    if affinity == Affinity::None {
        return Ok(vec![Vec::new(); threads]);
    }
    let allowed = process::allowed_cores()?;
    let groups = match affinity {
        Affinity::Nodes => nodes(Path::new("/sys"), &allowed),
        _ => allowed.iter().map(|core| vec![*core]).collect(),
    };
    if groups.is_empty() {
        let message = "this system cannot bind threads to cores (network_affinity)";
        return Err(Error::new(ErrorKind::InvalidArgument, op::START, message));
    }
    Ok(deal(&groups, threads))
}

/// Deals groups of cores out to the threads in turn.
fn deal(groups: &[Vec<u32>], threads: usize) -> Vec<Vec<u32>> {
    groups.iter().cycle().take(threads).cloned().collect()
}

/// Returns the allowed cores of each NUMA node that has any, or all allowed cores if the system does not list
/// nodes. `sys` is the mount point of sysfs.
fn nodes(sys: &Path, allowed: &[u32]) -> Vec<Vec<u32>> {
    // The numbers of the nodes may have gaps.
    let mut nodes: Vec<Vec<u32>> = (0..1024)
        .filter_map(|node| {
            fs::read_to_string(sys.join(format!("devices/system/node/node{node}/cpulist"))).ok()
        })
        .map(|list| allowed.iter().copied().filter(|core| contains(&list, *core)).collect())
        .filter(|cores: &Vec<_>| !cores.is_empty())
        .collect();
    if nodes.is_empty() && !allowed.is_empty() {
        nodes.push(allowed.to_vec());
    }
    nodes
}

/// Whether a list from the kernel, such as `0-3,8`, contains this core.
fn contains(list: &str, core: u32) -> bool {
    list.trim().split(',').any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        match (first.parse::<u32>(), last.parse()) {
            (Ok(first), Ok(last)) => (first..=last).contains(&core),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_the_kernel_has_ranges_and_single_cores() {
        let has = |list| (0..10).filter(|core| contains(list, *core)).collect::<Vec<_>>();
        assert_eq!(has("0-2,8\n"), [0, 1, 2, 8]);
        assert_eq!(has("5\n"), [5]);
        assert!(has("\n").is_empty());
    }

    #[test]
    fn each_node_has_the_cores_that_the_process_may_use() {
        let sys = tempfile::tempdir().unwrap();
        let node = |number: u32, list: &str| {
            let directory = sys.path().join(format!("devices/system/node/node{number}"));
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("cpulist"), list).unwrap();
        };
        let nodes = |allowed: &[u32]| nodes(sys.path(), allowed);
        assert_eq!(nodes(&[0, 1, 8]), [[0, 1, 8]], "no node is listed");
        node(0, "0-3,8-11\n");
        // A node of memory only, and a gap.
        node(1, "\n");
        node(3, "4-7,12-15\n");
        assert_eq!(
            nodes(&(0..16).collect::<Vec<_>>()),
            [[0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]]
        );
        assert_eq!(nodes(&[2, 5, 9]), [vec![2, 9], vec![5]]);
        assert_eq!(nodes(&[5, 6]), [[5, 6]], "a node without allowed cores is left out");
        assert!(nodes(&[]).is_empty());
    }

    #[test]
    fn threads_take_turns_among_the_groups() {
        let groups = vec![vec![0, 2], vec![1, 3]];
        assert_eq!(deal(&groups, 3), [[0, 2], [1, 3], [0, 2]]);
        assert_eq!(deal(&groups, 1), [[0, 2]]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn threads_are_dealt_to_the_cores_that_the_process_may_use() {
        let allowed = process::allowed_cores().unwrap();
        let bound = cores(Affinity::Cores, allowed.len() + 1).unwrap();
        let singles: Vec<_> = allowed.iter().map(|core| vec![*core]).collect();
        assert_eq!(bound[..allowed.len()], singles);
        assert_eq!(bound[allowed.len()], bound[0]);
        assert_eq!(cores(Affinity::Nodes, 3).unwrap().len(), 3);
        assert_eq!(cores(Affinity::None, 2).unwrap(), [[0; 0]; 2]);
    }
}
