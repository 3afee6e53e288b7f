package com.mcdrl.pointofcare

import com.mcdrl.ConfounderWeight

/** A disturbance that a picture shows. */
data class Disturbance(
    /** The confounder's name. */
    val confounder: String,
    /** The share of the picture where it is seen, 0..1; `null` if it concerns the whole picture. */
    val area: Float?,
) {
    companion object {
        /** A disturbance is shown from this presence on. */
        private const val PRESENT = 0.5f

        /** A disturbance on at least this share of the picture is everywhere. */
        private const val WHOLE = 0.9f

        private val LOCAL = setOf("mucus", "blood", "reflection")
        private val GLOBAL = setOf("blur", "artefacts", "bright", "dark", "uneven", "narrow-band", "near", "far")

        /** The disturbances that a picture shows, the most probable first. */
        fun of(confounders: List<ConfounderWeight>): List<Disturbance> =
            known(confounders)
                .filter { it.presence >= PRESENT }
                .map { Disturbance(it.name, it.area.takeIf { area -> namesArea(it.name, area) }) }

        /** All disturbances that the model knows, the most probable first. Without the usual state, such as white light. */
        fun known(confounders: List<ConfounderWeight>): List<ConfounderWeight> =
            confounders.filter { it.isDisturbance }.sortedByDescending { it.presence }

        /** Models of other fields have other disturbances. Their area decides. */
        private fun namesArea(confounder: String, area: Float) =
            confounder in LOCAL || confounder !in GLOBAL && area < WHOLE
    }
}

/** Whether a picture is so unlike the training pictures that nobody should rely on its mask. */
fun isUnfamiliar(unfamiliar: Float): Boolean = unfamiliar >= 0.5f
