"""What training costs in time and memory. One question per file, asked with ``python -m benchmarks.NAME``:

    class_count         what does a step cost against the number of classes?
    data_wait           how much of a step is spent waiting for data?
    efficiency          how fast and how large is one method on one data set? (for the sweep's efficiency table)
    against_originals   what does a step cost against the formulation that the methods were published in?
    new_step            what does a step of MAO's step 2 cost against its backbone's?
    flops               how many operations does a step take, against those that cannot be spared?
    precisions          what does each numeric precision cost, in a step and in an evaluation?
    gpu                 what do steps and evaluation cost on a GPU, against the original formulation?
    imagenet_open       how long does it take to open ImageNet?
"""
