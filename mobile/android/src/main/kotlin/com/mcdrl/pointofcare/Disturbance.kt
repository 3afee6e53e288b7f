package com.mcdrl.pointofcare

import com.mcdrl.ConfounderWeight

/** All disturbances that the model knows, the most probable first. Without the usual state, such as white light. */
fun knownDisturbances(confounders: List<ConfounderWeight>): List<ConfounderWeight> =
    confounders.filter { it.isDisturbance }.sortedByDescending { it.presence }

/** Whether a picture is so unlike the training pictures that nobody should rely on its mask. */
fun isUnfamiliar(unfamiliar: Float): Boolean = unfamiliar >= 0.5f
