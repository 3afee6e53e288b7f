//! CLIP: checkpoints, the tokenizer, embeddings.

pub use mcdrl_model::clip::{Clip, DenseFeatures};
pub use mcdrl_model::l2_normalize;
pub use mcdrl_runtime::{
    AlignedCheckpoint, AlignedClip, ClipCheckpoint, ClipTokenizer, LiteCheckpoint, Preprocess,
    SentenceCheckpoint, Weights,
};
