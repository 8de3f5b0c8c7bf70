// What an operator may run in the smoke image: says the word that it was given.
process.stdout.write(`inside says ${process.argv[2]}\n`);
