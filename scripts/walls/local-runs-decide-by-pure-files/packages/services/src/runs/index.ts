export class Runs {}
