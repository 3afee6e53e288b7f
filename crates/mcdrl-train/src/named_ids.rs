//! Parameter ids that are the same in every process.

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;

/// Gives every parameter an id that is derived from its path, so that an optimizer's record also fits in another process.
pub fn with_named_ids<M: Module>(module: M) -> M {
    struct Namer {
        path: Vec<String>,
    }
    impl ModuleMapper for Namer {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.into());
        }

        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }

        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            // FNV-1a over the path.
            let hash = self.path.join(".").bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
            let (_, tensor, mapper) = param.consume();
            Param::from_mapped_value(ParamId::from(hash), tensor, mapper)
        }
    }
    module.map(&mut Namer { path: Vec::new() })
}
